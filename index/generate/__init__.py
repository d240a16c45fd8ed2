"""From pairs to rows: generate a pair's images, embed them, choose r*, describe what is kept.

GeNIe-Ada, Algorithm 1 of the paper, lives here: `selection` is the rule, `ada` the ways to find r*,
`shard` the unit of work that a build repeats. No other room knows noise ratios *and* embeddings.
"""

from .context import BuildContext, choose_prompt
from .quality import choose_noise_ratio, quality_columns
from .selection import RULES, projections, select
from .shard import NO_LINE, ShardResult, run_shard

__all__ = [
    "NO_LINE",
    "RULES",
    "BuildContext",
    "ShardResult",
    "choose_noise_ratio",
    "choose_prompt",
    "projections",
    "quality_columns",
    "run_shard",
    "select",
]
