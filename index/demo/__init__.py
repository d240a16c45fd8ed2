"""The demo: procedural scenes of shapes, and small models trained on them, embedded with the code.

It makes every command run without a download, and gives tests and benchmarks true masks, classes
and captions. `python -m index.demo.train` trains the models again.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

if TYPE_CHECKING:
    from .scenes import (
        CLASSES,
        COLORS,
        NOVEL_CLASSES,
        SIZE,
        TEXTURES,
        SceneParams,
        Scenes,
        render,
    )
    from .weights import (
        ENCODER,
        ORACLE,
        PIPELINE,
        load_encoder,
        load_oracle,
        oracle_names,
        weights_digest,
    )
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "scenes": [
                *("CLASSES", "COLORS", "NOVEL_CLASSES", "SIZE", "TEXTURES"),
                *("SceneParams", "Scenes", "render"),
            ],
            "weights": [
                *("ENCODER", "ORACLE", "PIPELINE", "load_encoder", "load_oracle", "oracle_names"),
                "weights_digest",
            ],
        },
    )

__all__ = [
    "CLASSES",
    "COLORS",
    "ENCODER",
    "NOVEL_CLASSES",
    "ORACLE",
    "PIPELINE",
    "SIZE",
    "TEXTURES",
    "SceneParams",
    "Scenes",
    "load_encoder",
    "load_oracle",
    "oracle_names",
    "render",
    "weights_digest",
]
