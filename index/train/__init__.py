"""."""

from .config import StageConfig
from .fit import draw, fit
from .models import SmallResNet, make_scheduler
from .oracle import train_oracle
from .pipeline import train_pipeline
from .report import figures, save, write_trained
from .training_set import TrainingSet
from .unisiam import UniSiam

__all__ = [
    "SmallResNet",
    "StageConfig",
    "TrainingSet",
    "UniSiam",
    "draw",
    "figures",
    "fit",
    "make_scheduler",
    "save",
    "train_oracle",
    "train_pipeline",
    "write_trained",
]
