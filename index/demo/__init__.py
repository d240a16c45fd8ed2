"""."""

from .scenes import CLASSES, NOVEL_CLASSES, Scenes, render
from .weights import ENCODER, ORACLE, PIPELINE, load_encoder, load_oracle, oracle_names

__all__ = [
    "CLASSES",
    "ENCODER",
    "NOVEL_CLASSES",
    "ORACLE",
    "PIPELINE",
    "Scenes",
    "load_encoder",
    "load_oracle",
    "oracle_names",
    "render",
]
