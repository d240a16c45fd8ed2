"""Labels of the first images, compared with the classes under which the bank knows these."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from genie_transforms._bank import Bank, RenumberedBank
from genie_transforms._errors import UserError

from .counters import LabelCounts, SharedState

_MOST_KNOWN = 16  # images of which the bank knows the class, in all processes
_MOST_LOOKED_UP = 256  # each is a digest of all pixels
_MANY_WRONG = 3


def compare_label(
    bank: Bank | RenumberedBank, label: int, digest: Callable[[], str], state: SharedState
) -> bool:
    """Compare a label with the bank's class of the image, until enough have been.

    Returns:
        Whether more are to be compared.

    Where labels come from a dataset that names no classes, nothing else would tell that it numbers
    them in another order, and all negatives would be of other classes.

    Args:
        bank: The bank, in the class numbers of the dataset.
        label: The class of the image, as the dataset has it.
        digest: Computes the `source_digest` of the image; called only if it is needed.
        state: Where it is counted.

    Raises:
        UserError: Most of the labels so far are of other classes in the bank.

    Warns:
        UserWarning: The first label is, which may have been corrected since.
    """
    so_far = state.labels
    if so_far.known >= _MOST_KNOWN or so_far.looked_up >= _MOST_LOOKED_UP:
        return False
    name, names = bank.class_of_source(digest()), bank.class_names
    # A class that the dataset has merged into another is no sign of another order.
    known = name in names
    wrong = known and name != names[label]
    state.labels = counts = LabelCounts(
        so_far.looked_up + 1, so_far.known + known, so_far.wrong + wrong
    )
    if not wrong:
        return True
    about = (
        f"an image with label {label}, which is {names[label]!r} here, is of class {name!r} in the "
        f"bank {bank.path}"
    )
    advice = "pass GeNIeTransform(bank, classes=dataset.classes)"
    if counts.wrong >= _MANY_WRONG and 2 * counts.wrong > counts.known:
        raise UserError(
            f"{about}, as {counts.wrong} of the {counts.known} images are that it knows so far: "
            f"the dataset seems to have its classes in another order, so {advice}"
        )
    if counts.wrong == 1:
        warnings.warn(
            f"{about}: if labels have been corrected since the build, build again; if the dataset "
            f"has its classes in another order, {advice}",
            stacklevel=2,
        )
    return True
