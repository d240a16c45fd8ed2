"""Long-tailed training with a bank: `python -m benchmarks.long_tail` (paper, section 4.3).

One command: train a baseline, see which classes it confuses, build banks for the Few classes from
the images of the most confused ones, train every arm, compare. Every step is resumable.
`confounded` takes arms, banks and training from here, and tests on other backgrounds.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .arms import Arm
from .config import LongTailConfig

if TYPE_CHECKING:
    from .banks import PROMPTS, build_banks
    from .comparisons import difference, over_seeds_and_images, share_of_gap
    from .data import LongTail
    from .images import RealImages, augmentation, plain
    from .run import about_bank, confusion_of, train_arm
    from .seed import Seed
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "banks": ["PROMPTS", "build_banks"],
            "comparisons": ["difference", "over_seeds_and_images", "share_of_gap"],
            "data": ["LongTail"],
            "images": ["RealImages", "augmentation", "plain"],
            "run": ["about_bank", "confusion_of", "train_arm"],
            "seed": ["Seed"],
        },
    )

__all__ = [
    "PROMPTS",
    "Arm",
    "LongTail",
    "LongTailConfig",
    "RealImages",
    "Seed",
    "about_bank",
    "augmentation",
    "build_banks",
    "confusion_of",
    "difference",
    "over_seeds_and_images",
    "plain",
    "share_of_gap",
    "train_arm",
]
