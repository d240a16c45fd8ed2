"""."""

from .context import BuildContext
from .quality import choose_noise_ratio, quality_columns
from .r_star import RStarCache, vote
from .selection import RULES, projections, select
from .shard import ShardResult, run_shard

__all__ = [
    "RULES",
    "BuildContext",
    "RStarCache",
    "ShardResult",
    "choose_noise_ratio",
    "projections",
    "quality_columns",
    "run_shard",
    "select",
    "vote",
]
