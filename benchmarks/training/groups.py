"""Groups of classes, after their number of training images.

Repositories differ in where the groups end and in whether a group's accuracy is the mean of its
classes or of its images, so the rule is an argument, and is printed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GROUPS = ("few", "medium", "many")


@dataclass(frozen=True)
class GroupRule:
    """Where Few ends and Many begins.

    Attributes:
        name: What it is called.
        few: A Few class has at most this many training images.
        many: A Many class has at least this many.
        pooled: A group's accuracy is that of all its test images, not the mean of its classes.
    """

    name: str
    few: int
    many: int
    pooled: bool = False

    def __str__(self) -> str:
        how = "over images" if self.pooled else "mean of classes"
        return f"Few < {self.few + 1}, Many > {self.many - 1}, {how}"

    def groups(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the group of each class, a position in `GROUPS`, ``(C,)`` int64."""
        found: npt.NDArray[np.int64] = np.where(
            counts <= self.few, 0, np.where(counts >= self.many, 2, 1)
        )
        return found


RULES = {
    rule.name: rule
    for rule in (
        GroupRule("paper", few=19, many=101),
        GroupRule("inclusive", few=20, many=100),
        GroupRule("pooled", few=20, many=100, pooled=True),
    )
}
"""`paper`: Few < 20, Medium 20 … 100, Many > 100. `inclusive`: Few <= 20, Many >= 100. `pooled`:
the same ends, over images, as VL-LTR's code has it (20 and fewer, more than 99)."""
