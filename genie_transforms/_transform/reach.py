"""What a transform can use of its bank, said when it is made: silence would look like success."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from genie_transforms._bank import Bank, RenumberedBank, RowNumbers, some_names

from .choice import Replace


def bank_for(bank: Bank, classes: list[str] | None, *, soft: bool) -> Bank | RenumberedBank:
    """Return the bank in the class numbers of a dataset; itself where they are the same."""
    if classes is None or classes == bank.class_names:
        return bank
    return RenumberedBank(bank, classes, mix_sources=soft)


def warn_of_reach(
    bank: Bank | RenumberedBank, table: npt.NDArray[np.float64], replace: Replace
) -> None:
    """Warn once of classes and rows that nothing will come of.

    Args:
        bank: The bank, in the class numbers of the dataset.
        table: ``(C,)`` probability of each class; those of 0 are not missed.
        replace: Whether images are replaced by their class or by their source.
    """
    if not table.any():
        return
    found = []
    counts = _counts(bank, replace)
    empty = np.flatnonzero((counts == 0) & (table > 0)).tolist()
    if not len(bank):
        found.append(
            f"NOTHING will be replaced, for the filter {bank.keep!r} keeps none of its rows"
        )
    elif empty:
        names = some_names([bank.class_names[label] for label in empty])
        made = "with this target" if replace == "target" else "made from their images"
        found.append(
            f"{len(empty)} of {len(counts)} classes have no rows {made} under the filter "
            f"{bank.keep!r}, so their images stay: {names}"
        )
    if isinstance(bank, RenumberedBank):
        foreign = sorted(set(bank.bank.class_names) - set(bank.class_names))
        num_rows = int((~bank.usable).sum())
        if foreign:
            found.append(
                f"{len(foreign)} of its classes are not the dataset's, {some_names(foreign)}, and "
                f"{num_rows} of {len(bank)} rows out of reach"
            )
    if found:
        warnings.warn(f"the bank {bank.path}: {'; '.join(found)}", stacklevel=3)


def _counts(bank: Bank | RenumberedBank, replace: Replace) -> RowNumbers:
    """Count the rows that the images of each class may become."""
    if replace == "target":
        return bank.class_index.counts
    sources = bank.source_labels
    if isinstance(bank, RenumberedBank):
        sources = sources[bank.usable]
    return np.bincount(sources[sources >= 0], minlength=len(bank.class_names))
