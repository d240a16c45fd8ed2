"""Training of classifiers: one loop, which the benchmarks share and users may copy.

`train` takes any dataset of (image tensor, label): real images, real images with a bank appended
(`Bank.as_dataset` and `ConcatDataset`), or one whose transform replaces images
(`GeNIeTransform`). `evaluate` and `group_scores` measure as the long-tail literature does.
"""

from .batches import ImageDataset, class_counts, seed_of
from .config import TrainingConfig
from .evaluate import predict
from .groups import RULES, GroupRule, group_scores
from .loop import train
from .losses import make_loss
from .networks import make_network

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
    "seed_of",
    "train",
]
