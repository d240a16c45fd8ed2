"""The few-shot table, `python -m benchmarks.few_shot`: arms, their scoring, and the report.

An arm is what is added to the support of an episode. `analyses`, `choosing_r` and `fine_grained`
take arms and scoring from here, and compare other things with them.
"""

from .arms import ARMS, BASELINE, Added, Arm, adaptive, fixed, with_support
from .config import FewShotConfig
from .report import cell, summarize_arm
from .scoring import read_or_draw, run_arm, run_episodes

__all__ = [
    "ARMS",
    "BASELINE",
    "Added",
    "Arm",
    "FewShotConfig",
    "adaptive",
    "cell",
    "fixed",
    "read_or_draw",
    "run_arm",
    "run_episodes",
    "summarize_arm",
    "with_support",
]
