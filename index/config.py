"""The configuration of a build: defaults, types, validation, `--help` and the bank's recipe.

What opens the model and what decides the pairs stands beside what it is for (`ModelConfig`,
`PlanConfig`); here is the rest, and the whole. A field whose metadata say `{"recipe": False}`
changes neither pixels nor r*, or is known by the content of what it names; any other is written
into the bank, and a bank begun with another value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from genie_transforms import UserError
from index.diffusion import EVERYWHERE, ModelConfig, check_interval
from index.kinds import check_kinds, check_range
from index.plan import PlanConfig
from index.sources import TemplateConfig

Method = Literal["genie-ada", "genie", "img2img", "txt2img", "cap2aug", "dafusion", "genie+txtinv"]

Executor = Literal["auto", "local", "ranks", "ray"]

PAPER_NOISE_RATIOS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The grid that GeNIe-Ada chooses r* from in the paper."""


MOST_STEPS = 1000
"""Models are trained on this many noise levels, so more steps find none between them."""


MOST_GUIDANCE = 1000.0
"""Beyond it an image is noise; half precision overflows not far above."""


MOST_ROWS = 65_536
"""Rows of one network call; processors and indices of GPU kernels take no more."""


SIDES = (8, 16_384)
"""Sides of images in pixels, the smallest and the largest."""


MOST_SHOWN = 1000
"""Pairs of a contact sheet, which is one image."""


MOST_WORKERS = 256
"""Processes on one machine; beyond it something else was meant."""


_CUT_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""What a path makes of a URI; a drive of Windows has one letter."""


SAME_CLASS = frozenset({"img2img", "cap2aug", "dafusion"})
"""Methods whose target is the source's own class."""


@dataclass(frozen=True, kw_only=True)
class BuildConfig(ModelConfig, PlanConfig, TemplateConfig):
    """Build a bank of hard negatives.

    Attributes:
        out: Folder of the bank, or its URI, such as s3://bucket/banks/birds; the same one again
            continues.
        method: genie-ada chooses r for each pair (Algorithm 1); genie takes --noise-ratio; img2img
            is genie with the image's own class as target; txt2img starts from pure noise; cap2aug
            is img2img with the image's caption as prompt; dafusion and genie+txtinv are img2img
            and genie with learned tokens.
        noise_ratio: r of all methods but genie-ada and txt2img, in (0, 1].
        noise_ratios: The sweep of genie-ada, increasing.
        rule: How projections decide r*; paper is Algorithm 1.
        ada: How genie-ada finds r*: full generates the whole sweep, as the paper does; preview
            makes it in --ada-steps steps, and only X_{r*} in full.
        ada_steps: Steps of a preview from r = 1; 2 are the projection to x_0.
        ada_guidance: Guidance in previews, too; without it they cost half.
        noise: One noise for all r of a pair, or one for each.
        num_inference_steps: Steps of the whole denoising, from r = 1; if not given, the model's.
        guidance_scale: Classifier-free guidance, 1 or less for none; if not given, the model's.
        guidance_interval: Two timesteps, guidance from the first up to below the second, and to the
            end if that is 1000; a step without costs half. Of Stable Diffusion 3, t is 1000 times
            the weight of the noise.
        negative_prompt: What guidance moves away from.
        inversions: Folder of tokens that `python -m index.invert` learned.
        captions: For cap2aug, json or csv: an image's path below the source, or its row, and what
            it shows.
        captioner: Folder or hub id of BLIP that writes --captions if missing, such as
            Salesforce/blip-image-captioning-base.
        resolution: Side of the images that the model makes, in pixels; 0 for the model's own.
        store_resolution: Side of the images that are stored, in pixels; 0 for --resolution.
        image_format: How images are stored.
        backbone: What embeds and decides r*: torchvision:NAME[:FILE], transformers:FOLDER,
            timm:NAME[:FILE], unisiam:ARCH:FILE, python:MODULE:FUNCTION, or demo; if empty,
            torchvision:resnet50, and demo for the demo.
        seed: Base seed of the noise and of the plan; 0 if not given.
        batch_size: Rows of one network call, 0 for what fits; changes the result by rounding alone.
        on_bad_image: What becomes of an image that cannot be used: skip leaves it out and records
            it, error ends the build.
        keep_sweep: Store every X_r beside the chosen one.
        preview: Pairs shown in preview.png.
        cache: Folder where banks share embeddings and finished pairs.
        stale_distance: When images were added, pairs that would get another r* now are stale if
            their target's centroid has moved by more than this cosine distance.
        refresh_stale: Make stale pairs again.
        retry_failed: Try pairs that failed again, with further seeds.
        executor: Who does the work: local is this machine, ranks are processes that torchrun, srun
            or a SLURM job array starts, ray is a cluster. auto is ranks under torchrun, else local.
        workers: Processes that share the work, on GPUs in turn; they do not change the result. 0 is
            one; with ray one for each GPU of the cluster or, if there is none, for its CPUs.
        ray_address: Of an existing Ray cluster, such as 10.0.0.1:6379; if empty, that of
            RAY_ADDRESS, one that runs on this machine, or a new one. All nodes must share --out.
        staging: Folder below which a bank is built whose --out is a URI; if not given, one below
            ~/.cache.
        index_factory: How FAISS stores the index: Flat is exact; for large sets such as HNSW32 or
            IVF4096,PQ64, whose recall is measured; exact embeddings are kept beside it.
        dry_run: Print the plan with its cost, and stop.
    """

    out: str | Path = field(default=Path("genie-bank"), metadata={"recipe": False})
    method: Method = "genie-ada"
    noise_ratio: float = 0.8
    noise_ratios: tuple[float, ...] = PAPER_NOISE_RATIOS
    rule: Literal["paper", "signed", "from_source", "settles", "passes"] = "paper"
    ada: Literal["full", "preview"] = "full"
    ada_steps: int = 3
    ada_guidance: bool = True
    noise: Literal["coupled", "independent"] = "coupled"
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    guidance_interval: tuple[float, float] = EVERYWHERE
    negative_prompt: str = ""
    inversions: Path | None = field(default=None, metadata={"recipe": False})
    captions: str = field(default="", metadata={"recipe": False})
    captioner: str = field(default="", metadata={"recipe": False})
    resolution: int = 0
    store_resolution: int = 0
    image_format: Literal["png", "jpeg"] = "png"
    backbone: str = ""
    seed: int = 0
    batch_size: int = field(default=64, metadata={"recipe": False})
    on_bad_image: Literal["skip", "error"] = field(default="skip", metadata={"recipe": False})
    keep_sweep: bool = False
    preview: int = field(default=12, metadata={"recipe": False})
    cache: Path | None = field(default=None, metadata={"recipe": False})
    stale_distance: float = field(default=0.0, metadata={"recipe": False})
    refresh_stale: bool = field(default=False, metadata={"recipe": False})
    retry_failed: bool = field(default=False, metadata={"recipe": False})
    executor: Executor = field(default="auto", metadata={"recipe": False})
    workers: int = field(default=0, metadata={"recipe": False})
    ray_address: str = field(default="", metadata={"recipe": False})
    staging: Path | None = field(default=None, metadata={"recipe": False})
    index_factory: str = field(default="Flat", metadata={"recipe": False})
    dry_run: bool = field(default=False, metadata={"recipe": False})

    def __post_init__(self) -> None:
        check_kinds(self)
        self._check_out()
        self.check_sampler()
        super().__post_init__()
        self._check_noise_ratios()
        self._check_numbers()
        check_interval(self.guidance_interval)
        self._check_prompts()
        self._check_executor()
        if self.keep_sweep and self.ada != "full":
            raise UserError(f"keep_sweep needs the whole sweep, so --ada full, not {self.ada}")

    def _check_out(self) -> None:
        """Tell a path from a URI, and refuse what goes with one of them only."""
        if not str(self.out):
            raise UserError(f"out must be a folder or a URI, got {self.out!r}")
        if "://" not in str(self.out):
            object.__setattr__(self, "out", Path(self.out))
        if isinstance(self.out, str):
            return
        if _CUT_URI.match(str(self.out)):
            raise UserError(f"out {self.out} has lost a slash: give a URI as text, not as a path")
        if self.staging is not None:
            raise UserError(
                f"staging {self.staging} is for an out that is a URI, not for the folder {self.out}"
            )

    def _check_numbers(self) -> None:
        check_range(self, ["num_inference_steps", "ada_steps"], 1, MOST_STEPS)
        check_range(self, ["guidance_scale"], 0, MOST_GUIDANCE, hint="1 or less is none")
        check_range(self, ["seed"], 0)
        check_range(self, ["batch_size"], 0, MOST_ROWS, hint="0 is what fits")
        for name in ("resolution", "store_resolution"):
            if getattr(self, name):
                check_range(self, [name], *SIDES, hint="or 0")
        check_range(self, ["preview"], 0, MOST_SHOWN)
        check_range(self, ["workers"], 0, MOST_WORKERS, hint="0 is the executor's choice")
        check_range(self, ["stale_distance"], 0, 2)  # cosine distances

    def _check_executor(self) -> None:
        if self.executor == "ranks" and self.workers:
            raise UserError(
                f"--executor ranks has as many processes as were started: leave --workers "
                f"{self.workers} out"
            )
        if self.uri and self.executor in ("ranks", "ray"):
            raise UserError(
                f"--executor {self.executor} needs a folder that all its processes see, and --out "
                f"{self.out} is none: give --workers, or a folder on a shared disk"
            )
        if self.ray_address and self.executor != "ray":
            raise UserError(f"--ray-address {self.ray_address} is for --executor ray")

    def _check_noise_ratios(self) -> None:
        for name in ("noise_ratios", "noise_ratio"):
            value = getattr(self, name)
            ratios = value if isinstance(value, tuple) else (value,)
            if not ratios or not all(0 < r <= 1 for r in ratios):
                raise UserError(f"{name} must lie in (0, 1], got {value}")
        if any(b <= a for a, b in zip(self.noise_ratios, self.noise_ratios[1:], strict=False)):
            raise UserError(f"noise_ratios must increase, got {self.noise_ratios}")
        if self.method == "genie-ada" and len(self.noise_ratios) < 2:
            raise UserError(
                f"genie-ada needs at least two noise_ratios to choose from, got "
                f"{self.noise_ratios}; for a fixed one use --method genie --noise-ratio"
            )

    def _check_prompts(self) -> None:
        self.check_templates()
        if self.prompts and (self.captions or self.inversions is not None):
            raise UserError(
                f"--prompts {self.prompts}: its prompts have neither captions nor learned tokens; "
                "leave out --captions and --inversions, or use --prompt-templates"
            )
        if self.method in ("dafusion", "genie+txtinv") and self.inversions is None:
            raise UserError(
                f"--method {self.method} needs --inversions, a folder of tokens: "
                "python -m index.invert learns them"
            )
        if (self.method == "cap2aug") != bool(self.captions):
            raise UserError(
                "--method cap2aug needs --captions, a file of captions (--captioner writes it), "
                f"and no other method takes it: got {self.method} and captions {self.captions!r}"
            )
        if self.captioner and not self.captions:
            raise UserError(
                f"--captioner {self.captioner!r} needs --captions, the file that it writes"
            )
        if self.captions and self.inversions is not None:
            raise UserError("a prompt is a caption or has a token: give --captions or --inversions")

    @property
    def uri(self) -> str | None:
        """Where the bank is sent; None if it stays where it is built."""
        return self.out if isinstance(self.out, str) else None

    @property
    def folder(self) -> Path:
        """The folder on this machine where the bank is built; it is `out`, unless that is a URI."""
        if isinstance(self.out, Path):
            return self.out
        # Not at the top: `--help` does without.
        from genie_transforms.format import cache_folder, local_copy

        return local_copy(self.out, self.staging or cache_folder() / "building")

    @property
    def sweep_ratios(self) -> tuple[float, ...]:
        """The noise ratios that are generated for each pair."""
        if self.method == "genie-ada":
            return self.noise_ratios
        return (1.0,) if self.method == "txt2img" else (self.noise_ratio,)

    @property
    def same_class(self) -> bool:
        """Whether each image's only target is its own class."""
        return self.method in SAME_CLASS

    @property
    def is_demo(self) -> bool:
        """Whether images and model are the demo's own, which its backbone was trained for."""
        return not self.source and not self.model

    @property
    def previews(self) -> bool:
        """Whether r* is found from previews, so that most of the sweep is never made in full."""
        return self.method == "genie-ada" and self.ada != "full"

    @property
    def steps(self) -> int:
        """Steps of the whole denoising, once a model has decided them.

        Raises:
            ValueError: None has.
        """
        if self.num_inference_steps is None:
            raise ValueError("num_inference_steps is not decided yet: resolve the config first")
        return self.num_inference_steps

    @property
    def guidance(self) -> float:
        """Guidance, once a model has decided it.

        Raises:
            ValueError: None has.
        """
        if self.guidance_scale is None:
            raise ValueError("guidance_scale is not decided yet: resolve the config first")
        return self.guidance_scale

    def recipe(self) -> dict[str, Any]:
        """Return everything that decides the content of the bank, ready for JSON."""
        names = [one.name for one in fields(self) if one.metadata.get("recipe", True)]
        values = {name: getattr(self, name) for name in names}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def check_only_classes(only_classes: Sequence[str], class_names: Sequence[str]) -> None:
    """Refuse targets that are not classes of the source.

    Raises:
        UserError: Names those that are not, and some that are.
    """
    unknown = sorted(set(only_classes) - set(class_names))
    if unknown:
        raise UserError(f"only_classes {unknown} are none of the classes, {class_names[:10]} …")
