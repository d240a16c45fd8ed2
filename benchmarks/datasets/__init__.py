"""The paper's datasets and your own, each as images with labels and class names.

They are read as their publishers packed them; a missing file is named with where to get it. The
room imports nothing of benchmarks.
"""

from .class_splits import ClassSplit, class_split
from .halves import Half, rows_of_half
from .imagenet_subsets import spoken
from .learned import LEARNED, read_learned, write_learned
from .long_tailed import (
    draw_rows,
    exponential_sizes,
    images_digest,
    listing_digest,
    long_tailed_rows,
    repeated,
)
from .pixels import pixels_of
from .registry import DATASETS, LabelledSet, open_dataset, open_splits, same_images

__all__ = [
    "DATASETS",
    "LEARNED",
    "ClassSplit",
    "Half",
    "LabelledSet",
    "class_split",
    "draw_rows",
    "exponential_sizes",
    "images_digest",
    "listing_digest",
    "long_tailed_rows",
    "open_dataset",
    "open_splits",
    "pixels_of",
    "read_learned",
    "repeated",
    "rows_of_half",
    "same_images",
    "spoken",
    "write_learned",
]
