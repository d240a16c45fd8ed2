"""The few-shot protocol that commands share: episodes, the pool they are drawn from, and heads.

It generates and embeds what episodes select from, once, and knows which pairs an episode has. What
an arm adds to an episode's support, and which arms there are, is the business of `few_shot`.
"""

from .config import EpisodeConfig
from .episodes import Drawing, Episode, Integers, draw, read_episodes, write_episodes
from .heads import LabelledFeatures, accuracy
from .images import EvaluatedImages, cached
from .inverted import InversionRun, add_inverted_images
from .pairs import FIXED, INVERTED, Pairs, cross_class_pairs, inverted_pairs, same_class_pairs
from .pool import (
    POOL_NOISE_RATIOS,
    SAME_CLASS,
    Pool,
    PoolConfig,
    common_build,
    few_shot_set,
    make_pool,
    network_rows_of,
)
from .selectors import embedded_by
from .sets import DEMO_DATA, DataChoice
from .sweeps import decoded_rows, read_sweep

__all__ = [
    "DEMO_DATA",
    "FIXED",
    "INVERTED",
    "POOL_NOISE_RATIOS",
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
    "decoded_rows",
    "draw",
    "embedded_by",
    "few_shot_set",
    "inverted_pairs",
    "make_pool",
    "network_rows_of",
    "read_episodes",
    "read_sweep",
    "same_class_pairs",
    "write_episodes",
]
