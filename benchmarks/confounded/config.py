"""The settings of the experiment with confounded backgrounds, and its arms."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.long_tail import Arm, LongTailConfig
from benchmarks.training import TrainingConfig
from genie_transforms import UserError

TIED = {"txt2img-tied": "txt2img", "genie-tied": "genie"}
"""Banks whose prompts name the own background of each class, as of a generator that has learned the
tie, and the bank that is made with these prompts."""

ARMS: dict[str, Arm] = {
    "none": Arm("append"),
    "resampled": Arm("append", "own"),
    "img2img-low": Arm("append", "img2img-low"),
    "txt2img": Arm("append", "txt2img"),
    **{name: Arm("append", name) for name in TIED},
    "genie": Arm("append", "genie"),
    "genie-ada": Arm("append", "genie-ada"),
    "real-g": Arm("append", "real"),
    "balanced": Arm("in-loop"),
    "balanced+genie": Arm("in-loop", "genie"),
    **{f"genie-{r}": Arm("append", f"genie-{r}") for r in (0.5, 0.6, 0.7, 0.9)},
    **{f"genie-of-{k}": Arm("append", "genie", distinct=k) for k in (5, 10, 25)},
    "genie-kept": Arm("append", "genie", keep=True),
    **{f"balanced+genie-p{p}": Arm("in-loop", "genie", probability=p) for p in (0.25, 0.75, 1.0)},
}
"""By name, as in `long_tail`; but `genie` has a bank of its own, since r* is found by previews. The
last ones show what the settings do: r, how many different negatives of a class (5, 10 or 25 instead
of 50), the bank's default filter, and p."""

MAIN_ARMS = (
    "none", "resampled", "img2img-low", "txt2img", "txt2img-tied", "genie", "genie-ada", "real-g",
    "balanced", "balanced+genie",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ConfoundedConfig:
    """Train on scenes whose backgrounds tell the class, and test where they do not.

    Attributes:
        bias: Share of training images on the own background of their class.
        num_test: Test images of each class, on each kind of background.
        largest: Images of the largest class.
        imbalance: Size of the largest class over that of the smallest.
        per_class: Negatives of each Few class.
        confused: Sources come from this many classes that each target is most confused with.
        num_inference_steps: Steps of the whole denoising.
        device: Where the diffusion model runs; the training has its own.
        arms: Names of the arms.
        seeds: Each has its own backgrounds, subset, baseline, banks and trainings.
        training: How every arm is trained: a linear classifier of what the demo's encoder says,
            which learned from objects of the base classes, without labels.
        work: Folder of everything that is made; the same one again continues.
        json: File that receives the figures.
        plot: File that receives the plot.
    """

    bias: float = 0.9
    num_test: int = 200
    largest: int = 200
    imbalance: float = 40.0
    per_class: int = 50
    confused: int = 4
    num_inference_steps: int = 20
    device: str = field(default="auto", metadata={"recipe": False})
    arms: tuple[str, ...] = field(default=MAIN_ARMS, metadata={"recipe": False})
    seeds: tuple[int, ...] = field(default=tuple(range(5)), metadata={"recipe": False})
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            model="linear",
            model_settings=("in_features=256",),
            loss="balanced-softmax",
            learning_rate=0.1,
            num_steps=300,
            warmup_steps=30,
            batch_size=64,
        )
    )
    work: Path = field(default=Path("confounded"), metadata={"recipe": False})
    json: Path | None = field(default=None, metadata={"recipe": False})
    plot: Path | None = field(default=None, metadata={"recipe": False})

    def __post_init__(self) -> None:
        unknown = [name for name in self.arms if name not in ARMS]
        if unknown:
            raise UserError(f"unknown arms {unknown}; choose among {', '.join(ARMS)}")
        if not 0 <= self.bias <= 1:
            raise UserError(f"bias must lie in [0, 1], got {self.bias}")
        for name in ("num_test", "largest"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.long_tail()  # refuses the others

    def long_tail(self) -> LongTailConfig:
        """Return the same as settings of `benchmarks.long_tail`, which builds and trains."""
        return LongTailConfig(
            data="demo", largest=self.largest, imbalance=self.imbalance, size=64,
            num_inference_steps=self.num_inference_steps, ada="preview", device=self.device,
            per_class=self.per_class, confused=self.confused, arms=("none",), seeds=self.seeds,
            training=self.training, work=self.work,
        )  # fmt: skip

    def recipe(self) -> dict[str, Any]:
        """Return everything that decides the figures of an arm and a seed, ready for JSON."""
        shown = [f.name for f in fields(self) if f.metadata.get("recipe", True)]
        return {**{name: getattr(self, name) for name in shown}, "training": self.training.recipe()}
