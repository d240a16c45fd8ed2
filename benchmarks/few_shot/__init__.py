"""The few-shot table, `python -m benchmarks.few_shot`: arms, their scoring, and the report.

An arm is what is added to the support of an episode. `analyses`, `choosing_r` and `fine_grained`
take arms and scoring from here, and compare other things with them.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .config import BASELINE, FewShotConfig

if TYPE_CHECKING:
    from .added import Added, Arm, with_support
    from .arms import ARMS
    from .generated import adaptive, fixed, repeated
    from .report import cell, summarize_arm
    from .scoring import LearnFrom, read_or_draw, run_arm, run_episodes
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "added": ["Added", "Arm", "with_support"],
            "arms": ["ARMS"],
            "generated": ["adaptive", "fixed", "repeated"],
            "report": ["cell", "summarize_arm"],
            "scoring": ["LearnFrom", "read_or_draw", "run_arm", "run_episodes"],
        },
    )

__all__ = [
    "ARMS",
    "BASELINE",
    "Added",
    "Arm",
    "FewShotConfig",
    "LearnFrom",
    "adaptive",
    "cell",
    "fixed",
    "read_or_draw",
    "repeated",
    "run_arm",
    "run_episodes",
    "summarize_arm",
    "with_support",
]
