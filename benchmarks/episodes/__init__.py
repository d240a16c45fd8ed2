"""."""

from .config import EpisodeConfig
from .episodes import Drawing, Episode, Integers, draw, read_episodes, write_episodes
from .heads import LabelledFeatures, accuracy
from .images import EvaluatedImages, cached, read_sweep
from .inverted import InversionRun, add_inverted_images
from .pairs import FIXED, INVERTED, Pairs, cross_class_pairs, inverted_pairs, same_class_pairs
from .pool import (
    RATIOS,
    SAME_CLASS,
    Pool,
    PoolConfig,
    common_build,
    few_shot_set,
    make_pool,
    rows_of,
)
from .selectors import embedded_by
from .sets import DEMO_DATA, DataChoice

__all__ = [
    "DEMO_DATA",
    "FIXED",
    "INVERTED",
    "RATIOS",
    "SAME_CLASS",
    "DataChoice",
    "Drawing",
    "Episode",
    "EpisodeConfig",
    "EvaluatedImages",
    "Integers",
    "InversionRun",
    "LabelledFeatures",
    "Pairs",
    "Pool",
    "PoolConfig",
    "accuracy",
    "add_inverted_images",
    "cached",
    "common_build",
    "cross_class_pairs",
    "draw",
    "embedded_by",
    "few_shot_set",
    "inverted_pairs",
    "make_pool",
    "read_episodes",
    "read_sweep",
    "rows_of",
    "same_class_pairs",
    "write_episodes",
]
