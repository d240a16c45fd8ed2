"""The paper's datasets and your own, each as images with labels and class names."""

from .pixels import pixels_of
from .registry import DATASETS, LabelledSet, open_dataset

__all__ = ["DATASETS", "LabelledSet", "open_dataset", "pixels_of"]
