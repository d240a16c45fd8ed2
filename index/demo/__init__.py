"""The demo: procedural scenes of shapes, and small models trained on them, embedded with the code.

It makes every command run without a download, and gives tests and benchmarks true masks, classes
and captions. `python -m index.demo.train` trains the models again.
"""

from .scenes import CLASSES, NOVEL_CLASSES, SIZE, Scenes, render
from .weights import ENCODER, ORACLE, PIPELINE, load_encoder, load_oracle, oracle_names

__all__ = [
    "CLASSES",
    "ENCODER",
    "NOVEL_CLASSES",
    "ORACLE",
    "PIPELINE",
    "SIZE",
    "Scenes",
    "load_encoder",
    "load_oracle",
    "oracle_names",
    "render",
]
