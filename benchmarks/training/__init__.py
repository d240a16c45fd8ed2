"""Training of classifiers: one loop, which the benchmarks share and users may copy.

`train` takes any dataset of (image tensor, label): real images, real images with a bank appended
(`Bank.as_dataset` and `ConcatDataset`), or one whose transform replaces images
(`GeNIeTransform`). `predict` and `group_scores` measure as the long-tail literature does.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .config import TrainingConfig
from .groups import RULES, GroupRule

if TYPE_CHECKING:
    from .batches import ImageDataset, class_counts, seed_of
    from .evaluate import predict
    from .loop import train
    from .losses import make_loss
    from .networks import make_network, read_settings
    from .scores import group_scores
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "batches": ["ImageDataset", "class_counts", "seed_of"],
            "evaluate": ["predict"],
            "loop": ["train"],
            "losses": ["make_loss"],
            "networks": ["make_network", "read_settings"],
            "scores": ["group_scores"],
        },
    )

__all__ = [
    "RULES",
    "GroupRule",
    "ImageDataset",
    "TrainingConfig",
    "class_counts",
    "group_scores",
    "make_loss",
    "make_network",
    "predict",
    "read_settings",
    "seed_of",
    "train",
]
