"""."""

from .arms import ARMS, BASELINE, GRID, Added, Arm, adaptive, fixed, with_support
from .config import FewShotConfig
from .report import cell, summarize_arm
from .scoring import drawn_once, run_arm, run_episodes

__all__ = [
    "ARMS",
    "BASELINE",
    "GRID",
    "Added",
    "Arm",
    "FewShotConfig",
    "adaptive",
    "cell",
    "drawn_once",
    "fixed",
    "run_arm",
    "run_episodes",
    "summarize_arm",
    "with_support",
]
