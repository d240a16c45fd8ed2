"""The few-shot protocol that commands share: episodes, the pool they are drawn from, and heads.

It generates and embeds what episodes select from, once, and knows which pairs an episode has. What
an arm adds to an episode's support, and which arms there are, is the business of `few_shot`.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .choice import DEMO_DATA, DataChoice
from .config import EpisodeConfig, InversionRun, PoolConfig
from .ratios import FIXED, INVERTED, POOL_NOISE_RATIOS, SAME_CLASS

if TYPE_CHECKING:
    from .encoders import check_novel, training_of
    from .episodes import Drawing, Episode, Integers, draw, read_episodes, write_episodes
    from .heads import LabelledFeatures, accuracy
    from .images import EvaluatedImages, Repeats, cached, evaluate_images
    from .inverted import add_inverted_images
    from .pairs import Pairs, cross_class_pairs, inverted_pairs, same_class_pairs
    from .pool import Pool, common_build, few_shot_set, make_pool, network_rows_of
    from .repeats import make_repeats, read_pairs, with_repeats
    from .selectors import embedded_by
    from .sets import FewShotSet, open_few_shot_set
    from .sweeps import decoded_rows, read_sweep
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "episodes": [
                "Drawing",
                "Episode",
                "Integers",
                "draw",
                "read_episodes",
                "write_episodes",
            ],
            "encoders": ["check_novel", "training_of"],
            "heads": ["LabelledFeatures", "accuracy"],
            "images": ["EvaluatedImages", "Repeats", "cached", "evaluate_images"],
            "inverted": ["add_inverted_images"],
            "pairs": ["Pairs", "cross_class_pairs", "inverted_pairs", "same_class_pairs"],
            "pool": ["Pool", "common_build", "few_shot_set", "make_pool", "network_rows_of"],
            "repeats": ["make_repeats", "read_pairs", "with_repeats"],
            "selectors": ["embedded_by"],
            "sets": ["FewShotSet", "open_few_shot_set"],
            "sweeps": ["decoded_rows", "read_sweep"],
        },
    )

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
    "FewShotSet",
    "Integers",
    "InversionRun",
    "LabelledFeatures",
    "Pairs",
    "Pool",
    "PoolConfig",
    "Repeats",
    "accuracy",
    "add_inverted_images",
    "cached",
    "check_novel",
    "common_build",
    "cross_class_pairs",
    "decoded_rows",
    "draw",
    "embedded_by",
    "evaluate_images",
    "few_shot_set",
    "inverted_pairs",
    "make_pool",
    "make_repeats",
    "network_rows_of",
    "open_few_shot_set",
    "read_episodes",
    "read_pairs",
    "read_sweep",
    "same_class_pairs",
    "training_of",
    "with_repeats",
    "write_episodes",
]
