"""Looking at a finished bank with other eyes: `python -m index.judge BANK --classifier SPEC`.

A judge is a classifier that had no part in the build. What it says of each row becomes columns
beside the bank, `NAME_class`, `NAME_target_probability` and `NAME_source_probability`: no shard is
written again, and several judges stand side by side.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .command import main
from .config import JudgeConfig

if TYPE_CHECKING:
    from .classes import class_groups, read_class_file
    from .judge import Judge
    from .opening import CLASSIFIER_HELP, demo_judge, open_judge
    from .review import ReviewList, last_change, review_summary, reviewed
    from .saved import SavedJudge, save_judge
    from .verdicts import accuracy_on_real, in_batches, judge_bank, verdicts_of
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "classes": ["class_groups", "read_class_file"],
            "judge": ["Judge"],
            "opening": ["CLASSIFIER_HELP", "demo_judge", "open_judge"],
            "review": ["ReviewList", "last_change", "review_summary", "reviewed"],
            "saved": ["SavedJudge", "save_judge"],
            "verdicts": ["accuracy_on_real", "in_batches", "judge_bank", "verdicts_of"],
        },
    )

__all__ = [
    "CLASSIFIER_HELP",
    "Judge",
    "JudgeConfig",
    "ReviewList",
    "SavedJudge",
    "accuracy_on_real",
    "class_groups",
    "demo_judge",
    "in_batches",
    "judge_bank",
    "last_change",
    "main",
    "open_judge",
    "read_class_file",
    "review_summary",
    "reviewed",
    "save_judge",
    "verdicts_of",
]
