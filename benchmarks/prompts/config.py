"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.kinds import check_kinds, check_range


@dataclass(frozen=True, kw_only=True)
class PromptsConfig:
    """Compare banks of the demo with one prompt a class and with several.

    Attributes:
        work: Folder that receives the scenes, the file of prompts and the banks; continued if it
            exists.
        per_class: Source images of each class; each is led to every other class.
        prompts: Prompts of each class, captions of as many scenes.
        num_inference_steps: Steps of the whole denoising.
        json: File that receives the numbers.
        quick: 2 images a class, 1 target and 4 steps, to see that it works.
    """

    work: Path
    per_class: int = 4
    prompts: int = 8
    num_inference_steps: int = 25
    json: Path | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["per_class", "prompts"], 2)
        check_range(self, ["num_inference_steps"], 1)
