"""The configuration of a build: defaults, types, validation, `--help` and the bank's recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

Method = Literal["genie-ada", "genie", "img2img", "txt2img", "cap2aug", "dafusion", "genie+txtinv"]

PAPER_NOISE_RATIOS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The grid that GeNIe-Ada chooses r* from in the paper."""


SAME_CLASS = frozenset({"img2img", "cap2aug", "dafusion"})
"""Methods whose target is the source's own class."""


_NOT_RECIPE = frozenset(
    {"out", "batch_size", "device", "preview", "dry_run", "cache", "index_factory"}
    | {"stale_distance", "refresh_stale", "vae_slicing", "offload"}
    | {"inversions", "captions", "captioner"}
)
"""Fields that change neither pixels nor r*, or are known by the content of what they name."""


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Build a bank of hard negatives.

    Attributes:
        out: Folder of the bank. Restarting with the same folder continues the build.
        source: Folder of images, one folder a class; empty for the demo's scenes.
        model: A diffusers folder or hub id; empty for the demo's pipeline.
        revision: Revision of a hub model.
        variant: Weight variant of the model, such as fp16.
        dtype: Precision of the network.
        device: Where the networks run: cpu, cuda, cuda:1, …
        channels_last: Keep activations with channels last.
        compile: Compile the denoiser; calls are filled up to the batch size.
        vae_slicing: Encode and decode images one by one, to save memory.
        vae_tiling: Encode and decode large images in tiles, to save memory.
        offload: Keep on the device only the network that runs, to save memory.
        safety_checker: Make images again that the pipeline's checker flags, if it has one.
        scheduler: The sampler: dpm++, unipc, euler, euler_a, flow_euler, or model for the one that
            the model comes with; the paper's DPM-Solver++ for Stable Diffusion if not given.
        lora: Folder, file or hub id of LoRA weights.
        method: genie-ada chooses r for each pair (Algorithm 1); genie uses `noise_ratio`; img2img
            is genie with the source's own class as target; txt2img starts from pure noise; cap2aug
            is img2img with each image's own caption as the prompt; dafusion and genie+txtinv are
            img2img and genie with a learned token in place of each class's name.
        noise_ratio: r of all methods but genie-ada and txt2img, in (0, 1].
        noise_ratios: The sweep of genie-ada, increasing, in (0, 1].
        rule: How r* is read from the projections: paper is Algorithm 1.
        ada: How genie-ada finds r*: full generates the whole sweep, as the paper does; preview
            makes it with `ada_steps` steps, and only X_{r*} in full; neighbours previews some
            pairs and takes r* of the others from the source images most like theirs.
        ada_steps: Steps of a preview from r = 1; with 2 steps it is the projection to x_0.
        noise: One noise for all r of a pair, or one for each.
        num_inference_steps: Steps of the whole denoising, from r = 1; the model's own if not given.
        guidance_scale: Classifier-free guidance, at most 1 for none; the model's own if not given.
        negative_prompt: What guidance moves away from.
        prompt: Template with {target}, and {superclass} if the file of class names has them.
        class_names: File of display names and superclasses, json or csv; folder names if empty.
        agree: Let "a" or "an" before {target} agree with what follows.
        inversions: Folder of tokens that `python -m index.invert` learned, one for each target;
            they take the place of the classes' names in prompts.
        captions: File of captions for cap2aug, json or csv: an image's path below the source, or
            its row, and what it shows.
        captioner: A folder or hub id of BLIP that writes the file of captions if it is missing,
            such as Salesforce/blip-image-captioning-base.
        resolution: Side of the square image given to the model, in pixels; 0 for the model's own.
        store_resolution: Side of the stored image, in pixels; 0 for the resolution generated.
        image_format: How images are stored.
        backbone: What embeds: demo, torchvision:NAME, or python:MODULE:FUNCTION for your own.
        pairs: Which classes meet: all; random:K others for each image; the nearest:K targets; or
            confusion:K, as sources only the K classes most confused with each target.
        confusion: Confusion matrix for confusion:K, npy or csv; from nearest neighbours if empty.
        per_class: At most this many pairs of each target; 0 for no limit.
        only_classes: Targets, by name; all if empty.
        max_class_size: Only targets with at most this many images (long tail); 0 for no limit.
        variations: How often each pair is made, with other noise.
        max_pairs: At most this many pairs, balanced over targets and sources; 0 for no limit.
        pairs_per_shard: Pairs of one shard, the unit of resuming.
        seed: Base seed of the noise and of the plan.
        batch_size: Rows of one network call at most; does not change the result. 0 tries how many
            fit into memory.
        keep_sweep: Store every X_r beside the chosen one.
        preview: Pairs shown in preview.png.
        cache: Folder that banks share: embeddings and finished pairs are looked up and kept there.
        stale_distance: When images were added, r* of a target whose centroid moved by more than
            this cosine distance, and that would be chosen otherwise now, is marked as stale.
        refresh_stale: Make stale pairs again.
        index_factory: How FAISS stores the bank's index, such as HNSW32 or IVF4096,PQ64, for large
            sets; its recall is measured and written beside it. Flat is exact.
        dry_run: Print the plan with its cost, and stop.
    """

    out: Path = Path("genie-bank")
    source: str = ""
    model: str = ""
    revision: str | None = None
    variant: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = "cpu"
    channels_last: bool = False
    compile: bool = False
    vae_slicing: bool = False
    vae_tiling: bool = False
    offload: bool = False
    safety_checker: Literal["on", "off"] = "on"
    scheduler: str | None = None
    lora: str | None = None
    method: Method = "genie-ada"
    noise_ratio: float = 0.8
    noise_ratios: tuple[float, ...] = PAPER_NOISE_RATIOS
    rule: Literal["paper", "signed", "from_source", "settles", "passes"] = "paper"
    ada: Literal["full", "preview", "neighbours"] = "full"
    ada_steps: int = 3
    noise: Literal["coupled", "independent"] = "coupled"
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str = ""
    prompt: str = "A photo of a {target}"
    class_names: str = ""
    agree: bool = False
    inversions: Path | None = None
    captions: str = ""
    captioner: str = ""
    resolution: int = 0
    store_resolution: int = 0
    image_format: Literal["png", "jpeg"] = "png"
    backbone: str = "demo"
    pairs: str = "all"
    confusion: str = ""
    per_class: int = 0
    only_classes: tuple[str, ...] = ()
    max_class_size: int = 0
    variations: int = 1
    max_pairs: int = 0
    pairs_per_shard: int = 50
    seed: int = 0
    batch_size: int = 64
    keep_sweep: bool = False
    preview: int = 12
    cache: Path | None = None
    stale_distance: float = 0.0
    refresh_stale: bool = False
    index_factory: str = "Flat"
    dry_run: bool = False

    def __post_init__(self) -> None:
        for name in ("noise_ratios", "noise_ratio"):
            value = getattr(self, name)
            ratios = value if isinstance(value, tuple) else (value,)
            if not ratios or not all(0 < r <= 1 for r in ratios):
                raise ValueError(f"{name} must lie in (0, 1], got {value}")
        if any(b <= a for a, b in zip(self.noise_ratios, self.noise_ratios[1:], strict=False)):
            raise ValueError(f"noise_ratios must increase, got {self.noise_ratios}")
        if self.method == "genie-ada" and len(self.noise_ratios) < 2:
            raise ValueError(
                f"genie-ada needs at least two noise_ratios to choose from, got "
                f"{self.noise_ratios}; for a fixed one use --method genie --noise-ratio"
            )
        if "{target}" not in self.prompt:
            raise ValueError(f"prompt has no {{target}}: {self.prompt!r}")
        if self.method in ("dafusion", "genie+txtinv") and self.inversions is None:
            raise ValueError(
                f"--method {self.method} needs --inversions, a folder of tokens: "
                "python -m index.invert learns them"
            )
        if (self.method == "cap2aug") != bool(self.captions):
            raise ValueError(
                "--method cap2aug needs --captions, a file of captions (--captioner writes it), "
                f"and no other method takes it: got {self.method} and captions {self.captions!r}"
            )
        if self.captioner and not self.captions:
            raise ValueError("--captioner needs --captions, the file that it writes")
        if self.captions and self.inversions is not None:
            raise ValueError(
                "a prompt is a caption or has a token: give --captions or --inversions"
            )
        if self.keep_sweep and self.ada != "full":
            raise ValueError(f"keep_sweep needs the whole sweep, so --ada full, not {self.ada}")
        for name in ("num_inference_steps", "pairs_per_shard", "ada_steps", "variations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        limits = ("max_pairs", "per_class", "max_class_size", "batch_size")
        for name in ("resolution", "store_resolution", "preview", "stale_distance", *limits):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

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
        """Everything that decides the content of the bank, ready for JSON."""
        names = [field.name for field in fields(self) if field.name not in _NOT_RECIPE]
        values = {name: getattr(self, name) for name in names}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
