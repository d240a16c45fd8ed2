"""Which samples become hard negatives, and which negatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from genie_transforms._bank import Bank, RenumberedBank, RowNumbers
from genie_transforms._errors import NoNegativesError

from .counters import Counters, SharedState

_LOOKUPS_BEFORE_WARNING = 100  # when all of them were in vain
_LOOKUPS_TO_JUDGE = 1000  # when some were
_FEW_HITS = 0.1
_SAMPLES_WITHOUT_EPOCH = 1000  # before a schedule is taken to be forgotten

_KEPT = Counters(seen=1)
_REPLACED = Counters(seen=1, replaced=1)
_UNKNOWN = Counters(seen=1, unknown=1)
_MISSING = Counters(seen=1, missing=1)

Replace = Literal["target", "source"]
Missing = Literal["pass", "raise"]


def is_count(value: object) -> bool:
    """Tell whether a value is an integer from 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return int(value) >= 0


@dataclass(frozen=True)
class Schedule:
    """How the probability of replacement changes over epochs.

    Attributes:
        warmup_epochs: Epochs over which it grows linearly from 0.
        off_after: The last epoch with replacements, counted from 0; None for no end.
    """

    warmup_epochs: int = 0
    off_after: int | None = None

    def __post_init__(self) -> None:
        if not is_count(self.warmup_epochs):
            raise ValueError(
                f"warmup_epochs must not be negative, got {self.warmup_epochs!r}: it is a number "
                f"of epochs"
            )
        if self.off_after is not None and not is_count(self.off_after):
            raise ValueError(
                f"off_after must be an epoch, counted from 0, or None, got {self.off_after!r}: "
                f"p=0 replaces nothing"
            )

    def factor(self, epoch: int) -> float:
        """Return the factor on p in an epoch, in [0, 1]."""
        if self.off_after is not None and epoch > self.off_after:
            return 0.0
        return min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs else 1.0


@dataclass
class Chooser:
    """Draws, for each sample, whether it is replaced and by which row of the bank.

    All randomness is torch's global generator: its seed, and each worker's, decide alone.

    Attributes:
        bank: The bank, in the class numbers of the dataset.
        table: ``(C,)`` probability of replacement of each class.
        replace: "target" or "source", as `GeNIeTransform` has it.
        on_missing: What to do when the bank has no negative for a class.
        schedule: Factor on the probabilities by epoch.
        state: The epoch and the counters.
    """

    bank: Bank | RenumberedBank
    table: npt.NDArray[np.float64]
    replace: Replace
    on_missing: Missing
    schedule: Schedule
    state: SharedState = field(default_factory=SharedState)
    _warned: bool = False  # not shared: each worker has its own, and warns once

    def __post_init__(self) -> None:
        self._awaits_epoch = self.schedule != Schedule()

    def one(self, label: int | None, digest: Callable[[], str]) -> int | None:
        """Choose the row that replaces one sample; None to keep it.

        Args:
            label: Its class; None to look it up by the image.
            digest: Computes the `source_digest` of the image; called only if it is needed.

        Raises:
            NoNegativesError: The class has no negatives and `on_missing` is "raise".
        """
        # Always two numbers, so that what is decided here moves no later draw of the generator.
        chance, choice = torch.rand(2, dtype=torch.float64).tolist()
        factor = self._factor()
        rate = self.table.max(initial=0.0) if label is None else self.table[label]
        # Without a label, the highest rate decides first: most samples end here and need no digest,
        # which costs more than all the rest; the rate of the class decides below.
        if chance >= rate * factor:
            self.state.add(_KEPT)
            return None
        # With a label, a replacement by class needs no digest.
        key = digest() if label is None or self.replace == "source" else ""
        known = False
        if label is None:
            label = self.bank.label_of_source(key)
            known = label is not None
            if label is not None and chance >= self.table[label] * factor:
                self.state.add(_KEPT)
                return None
        return self._pick(label, key, choice, known=known)

    def _pick(self, label: int | None, key: str, choice: float, *, known: bool) -> int | None:
        """Pick a row for a sample that is to be replaced, and count what happened."""
        # Known means: known whatever the filter. What the filter leaves without rows is missing.
        # An image with rows under two classes is known, but its look-up returned no class.
        if label is None or not (known or not key or self.bank.knows_source(key)):
            self.state.add(_UNKNOWN)
            self._warn_if_mostly_unknown()
            return None
        rows = self._rows(label, key)
        if not len(rows):
            self.state.add(_MISSING)
            self._raise_if_wanted(label)
            return None
        self.state.add(_REPLACED)
        return int(rows[int(choice * len(rows))])  # choice < 1, so within the rows

    def _rows(self, label: int, key: str) -> RowNumbers:
        """Return the rows that may replace a sample."""
        if self.replace == "source":
            return self.bank.rows_of_source(key)
        rows = self.bank.rows_of_class(label)
        # Pairs within a class, as Img2Img makes them: an image could be replaced by one made from
        # itself. Other banks need no second look-up.
        if key and self.bank.has_pairs_within_classes:
            rows = np.setdiff1d(rows, self.bank.rows_of_source(key), assume_unique=True)
        return rows

    def many(self, labels: RowNumbers) -> RowNumbers:
        """Choose rows for a batch by its labels, ``(B,)`` int64; -1 keeps a sample.

        Raises:
            NoNegativesError: A class has no negatives and `on_missing` is "raise".
        """
        # All chances, then all choices: with one seed, a batch draws other numbers than its samples
        # would one by one.
        chance, choice = torch.rand(2, len(labels), dtype=torch.float64).numpy()
        chosen = chance < self.table[labels] * self._factor()
        index = self.bank.class_index
        counts = index.counts[labels]
        replaced = chosen & (counts > 0)
        # For all samples, also those that stay or whose class has no rows: the mask selects below.
        picked = index.offsets[labels] + (choice * counts).astype(np.int64)
        rows = np.full(len(labels), -1, dtype=np.int64)
        rows[replaced] = index.rows[picked[replaced]]
        num_missing = int(chosen.sum() - replaced.sum())
        self.state.add(Counters(len(labels), int(replaced.sum()), 0, num_missing))
        if num_missing:
            self._raise_if_wanted(int(labels[chosen & ~replaced][0]))
        return rows

    def _factor(self) -> float:
        """Return the factor on p in the epoch, and warn once if that is never set."""
        if self._awaits_epoch:
            self._awaits_epoch = not self._is_epoch_settled()
        return self.schedule.factor(self.state.epoch)

    def _is_epoch_settled(self) -> bool:
        """Tell whether the epoch was set; warn, in one of all processes, if it should have been."""
        if self.state.epoch_settled:
            return True
        seen = self.state.totals().seen
        if seen < _SAMPLES_WITHOUT_EPOCH:
            return False
        self.state.epoch_settled = True
        warnings.warn(
            f"GeNIeTransform has warmup_epochs={self.schedule.warmup_epochs} and "
            f"off_after={self.schedule.off_after}, but was never told the epoch: after {seen} "
            f"samples it is still in epoch 0, where p is multiplied by "
            f"{self.schedule.factor(0):g}. Call set_epoch(epoch) as each epoch begins.",
            stacklevel=2,
        )
        return True

    def _raise_if_wanted(self, label: int) -> None:
        """Refuse a class without negatives, if the user wants that."""
        if self.on_missing == "raise":
            raise NoNegativesError(
                f"the bank {self.bank.path} has no negatives for class {label} "
                f"({self.bank.class_names[label]!r}) under the filter {self.bank.keep!r}: build "
                f'more, filter less, or pass on_missing="pass"'
            )

    def _warn_if_mostly_unknown(self) -> None:
        """Warn once when the bank has known none of the first images, or only few of many."""
        if self._warned:
            return
        totals = self.state.totals()
        looked_up = totals.unknown + totals.replaced + totals.missing
        none = looked_up == totals.unknown
        if looked_up < (_LOOKUPS_BEFORE_WARNING if none else _LOOKUPS_TO_JUDGE):
            return
        self._warned = True  # or judged well: it is not counted again
        if none or totals.hit_share < _FEW_HITS:
            knows = f"knows none of the first {totals.unknown} images, so nothing"
            if not none:
                knows = (
                    f"knows only {looked_up - totals.unknown} of the first {looked_up} images, so "
                    f"only {totals.hit_share:.1%} of what should be"
                )
            warnings.warn(
                f"the bank {self.bank.path} {knows} is replaced. It finds images by their pixels: "
                f"put GeNIeTransform before anything that changes them, and use the dataset that "
                f"the bank was made from; or give it the labels too, with WithTransforms.",
                stacklevel=2,
            )
