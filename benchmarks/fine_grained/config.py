"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.few_shot import BASELINE
from genie_transforms import UserError
from index.config import BuildConfig
from index.sources import ClassName

SAME_CLASS_ARMS = ("img2img-low", "img2img-high")
"""The arms that make an image again within its class, each from its own bank."""


SUPPORTED_ARMS = (
    "weak", "strong", "mixed", *SAME_CLASS_ARMS, BASELINE,
    "genie-0.5", "genie-0.6", "genie-0.7", "genie", "genie-0.9", "genie-random",
    "genie-ada", "genie-ada-signed", "genie-ada-from_source",
)  # fmt: skip
"""The arms that can be run: their images have hard labels, and need no captions and no tokens."""


_TEMPLATE = "A photo of a {target}"


@dataclass(frozen=True, kw_only=True)
class FineGrainedConfig:
    """Run the fine-grained evaluation.

    Attributes:
        dataset: Name of the dataset; `folder` is any folder of images.
        root: Folder that holds it.
        work: Folder of episodes, banks and accuracies; continued if it exists.
        model: A diffusers folder or hub id; empty for the demo's pipeline.
        backbone: What embeds, chooses r* and is classified: transformers:facebook/dinov2-giant in
            the paper, timm:NAME, torchvision:NAME, …; demo for the demo's.
        device: Where the networks run.
        dtype: Precision of the diffusion model.
        batch_size: Rows of one network call at most.
        num_inference_steps: Steps of the whole denoising; the model's own if not given.
        superclass: As in "a type of <superclass>"; the dataset's own if empty.
        class_names: File of display names and superclasses, json or csv, in place of the names
            that the dataset gives.
        episodes: Episodes.
        n_way: Classes of an episode; N - 1 images are generated for each class and shot.
        k_shot: Support images of each class.
        n_query: Query images of each class; 0 for all that there are.
        support_split: Where support comes from. For mini-ImageNet and tiered-ImageNet, whose
            splits have other classes, give test here too.
        query_split: Where queries come from; never an episode's own support.
        head: What learns from the features.
        arms: Names of arms. Txt2Img, to which all are compared, is always run.
        store_resolution: Side of all images that are embedded, in pixels.
        image_format: How generated images are kept.
        seed: Seed of episodes and augmentations.
        json: File that receives the figures.
    """

    dataset: str
    root: Path
    work: Path
    model: str = ""
    backbone: str = "demo"
    device: str = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    batch_size: int = 64
    num_inference_steps: int | None = None
    superclass: str = ""
    class_names: Path | None = None
    episodes: int = 100
    n_way: int = 20
    k_shot: int = 1
    n_query: int = 0
    support_split: str = "train"
    query_split: str = "test"
    head: Literal["logistic", "svm", "prototype"] = "svm"
    arms: tuple[str, ...] = SUPPORTED_ARMS
    store_resolution: int = 224
    image_format: Literal["png", "jpeg"] = "jpeg"
    seed: int = 0
    json: Path | None = None

    def __post_init__(self) -> None:
        from benchmarks.datasets import DATASETS  # needs torch, which --help does not

        unknown = sorted(set(self.arms) - set(SUPPORTED_ARMS))
        if unknown:
            raise UserError(f"unknown arms {unknown}; choose among {', '.join(SUPPORTED_ARMS)}")
        if self.dataset not in DATASETS:
            raise UserError(f"unknown dataset {self.dataset!r}; choose among {', '.join(DATASETS)}")

    @property
    def wanted(self) -> list[str]:
        """Names of the arms to run, in the order of `ARMS`."""
        from benchmarks.few_shot import ARMS  # needs torch, too

        return [name for name in ARMS if name in (*self.arms, BASELINE)]

    def build(self, names: list[ClassName]) -> BuildConfig:
        """Return the settings that all banks share."""
        typed = all(name.superclass for name in names)
        return BuildConfig(
            model=self.model,
            backbone=self.backbone,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            num_inference_steps=self.num_inference_steps,
            prompt=_TEMPLATE + (", a type of {superclass}" if typed else ""),
            agree=True,
            store_resolution=self.store_resolution,
            image_format=self.image_format,
        )
