"""The configuration of a build: defaults, types, validation, `--help` and the bank's recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

Method = Literal["genie-ada", "genie", "img2img", "txt2img"]
_NOT_RECIPE = frozenset({"out", "batch_size", "device", "preview", "dry_run"})
"""Fields that change neither pixels nor r*."""


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
        scheduler: The sampler: dpm++, unipc, euler, euler_a, flow_euler, or model for the one that
            the model comes with; the paper's DPM-Solver++ for Stable Diffusion if not given.
        lora: Folder, file or hub id of LoRA weights.
        method: genie-ada chooses r for each pair (Algorithm 1); genie uses `noise_ratio`; img2img
            is genie with the source's own class as target; txt2img starts from pure noise.
        noise_ratio: r of genie and img2img, in (0, 1].
        noise_ratios: The sweep of genie-ada, increasing, in (0, 1].
        rule: How r* is read from the projections: paper is Algorithm 1.
        noise: One noise for all r of a pair, or one for each.
        num_inference_steps: Steps of the whole denoising, from r = 1; the model's own if not given.
        guidance_scale: Classifier-free guidance, at most 1 for none; the model's own if not given.
        negative_prompt: What guidance moves away from.
        prompt: Template with {target}, and {superclass} if the file of class names has them.
        class_names: File of display names and superclasses, json or csv; folder names if empty.
        agree: Let "a" or "an" before {target} agree with what follows.
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
        batch_size: Rows of one network call at most; does not change the result.
        keep_sweep: Store every X_r beside the chosen one.
        preview: Pairs shown in preview.png.
        dry_run: Print the plan and stop.
    """

    out: Path = Path("genie-bank")
    source: str = ""
    model: str = ""
    revision: str | None = None
    variant: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = "cpu"
    scheduler: str | None = None
    lora: str | None = None
    method: Method = "genie-ada"
    noise_ratio: float = 0.8
    noise_ratios: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
    rule: Literal["paper", "signed", "from_source"] = "paper"
    noise: Literal["coupled", "independent"] = "coupled"
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str = ""
    prompt: str = "A photo of a {target}"
    class_names: str = ""
    agree: bool = False
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
        for name in ("num_inference_steps", "pairs_per_shard", "batch_size", "variations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        limits = ("max_pairs", "per_class", "max_class_size")
        for name in ("resolution", "store_resolution", "preview", *limits):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def sweep_ratios(self) -> tuple[float, ...]:
        """The noise ratios that are generated for each pair."""
        if self.method == "genie-ada":
            return self.noise_ratios
        return (1.0,) if self.method == "txt2img" else (self.noise_ratio,)

    def recipe(self) -> dict[str, Any]:
        """Everything that decides the content of the bank, ready for JSON."""
        names = [field.name for field in fields(self) if field.name not in _NOT_RECIPE]
        values = {name: getattr(self, name) for name in names}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
