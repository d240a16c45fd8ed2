"""Which data an evaluation is of; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError

DEMO = "demo"


@dataclass(frozen=True, kw_only=True)
class DataChoice:
    """Which images, and which models embed, name and generate them.

    Attributes:
        name: demo, or one of `benchmarks.datasets.DATASETS`, whose test split is taken.
        root: The folder that holds the dataset.
        trained: What `python -m benchmarks.small_pipeline` wrote for it.
        backbone: What embeds, as `python -m index.build --backbone` takes it.
        classes: Its novel classes, which the backbone has never seen; all if empty.
        class_split: Novel classes of the drawn split of this number, from 0, in place of `classes`;
            `benchmarks.unisiam --class-split` trains on its base classes.
    """

    name: str = DEMO
    root: Path | None = None
    trained: Path | None = None
    backbone: str = DEMO
    classes: tuple[str, ...] = ()
    class_split: int | None = None

    def __post_init__(self) -> None:
        given = self.root, self.trained, self.backbone != DEMO
        chosen = bool(self.classes), self.class_split is not None
        if all(chosen):
            raise UserError("give data.classes or data.class-split, which draws them, not both")
        if self.is_demo and (any(given) or any(chosen)):
            raise UserError("the demo has its own classes and models: give data.name as well")
        if self.is_demo:
            return
        from benchmarks.datasets import DATASETS  # needs torch, which --help does not

        if self.name not in DATASETS:
            known = ", ".join((DEMO, *DATASETS))
            raise UserError(f"unknown dataset {self.name!r}; choose among {known}")
        if not all(given):
            raise UserError(
                f"{self.name} needs data.root, the folder that holds it, data.trained, what "
                "benchmarks.small_pipeline wrote, and data.backbone"
            )

    @property
    def is_demo(self) -> bool:
        """Whether it is the demo, whose scenes have captions and masks."""
        return self.name == DEMO

    @property
    def num_classes(self) -> int | None:
        """Number of novel classes, if known before the dataset is opened."""
        from index.demo import NOVEL_CLASSES  # needs torch, too

        return len(NOVEL_CLASSES) if self.is_demo else len(self.classes) or None


DEMO_DATA = DataChoice()
