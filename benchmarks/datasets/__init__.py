"""The paper's datasets and your own, each as images with labels and class names.

They are read as their publishers packed them; a missing file is named with where to get it. The
room imports nothing of benchmarks.
"""

from .class_splits import ClassSplit, class_split
from .halves import Half, rows_of_half
from .pixels import pixels_of
from .registry import DATASETS, LabelledSet, open_dataset, open_splits, same_images

__all__ = [
    "DATASETS",
    "ClassSplit",
    "Half",
    "LabelledSet",
    "class_split",
    "open_dataset",
    "open_splits",
    "pixels_of",
    "rows_of_half",
    "same_images",
]
