"""Training small models on anybody's images: a pipeline, an oracle that measures it, an encoder.

The sizes are for a processor of a few cores. Every training resumes from its last checkpoint and
ends with the weights that it would have had without the interruption.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .config import StageConfig

if TYPE_CHECKING:
    from .claim import claim_folder
    from .fitting import FitSettings, draw, fit, has_bfloat16
    from .models import SmallResNet, make_scheduler, make_tokenizer
    from .oracle import train_oracle
    from .pipeline import train_pipeline
    from .report import figures, save, write_trained
    from .small_image_resnet import SMALL_RESNETS, SmallImageResNet
    from .training_set import TrainingSet
    from .unisiam import UniSiam
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "claim": ["claim_folder"],
            "fitting": ["FitSettings", "draw", "fit", "has_bfloat16"],
            "models": ["SmallResNet", "make_scheduler", "make_tokenizer"],
            "oracle": ["train_oracle"],
            "pipeline": ["train_pipeline"],
            "report": ["figures", "save", "write_trained"],
            "small_image_resnet": ["SMALL_RESNETS", "SmallImageResNet"],
            "training_set": ["TrainingSet"],
            "unisiam": ["UniSiam"],
        },
    )

__all__ = [
    "SMALL_RESNETS",
    "FitSettings",
    "SmallImageResNet",
    "SmallResNet",
    "StageConfig",
    "TrainingSet",
    "UniSiam",
    "claim_folder",
    "draw",
    "figures",
    "fit",
    "has_bfloat16",
    "make_scheduler",
    "make_tokenizer",
    "save",
    "train_oracle",
    "train_pipeline",
    "write_trained",
]
