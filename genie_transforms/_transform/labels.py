"""Labels: which class a sample has, how often it is replaced, and its soft label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from genie_transforms._bank import Bank, RenumberedBank
from genie_transforms._errors import BankError, UnsupportedSampleError, UserError

Probability = (
    float
    | Mapping[int | str, float]
    | Sequence[float]
    | npt.NDArray[Any]
    | torch.Tensor
    | Literal["balanced"]
)


def class_of(label: Any, class_names: Sequence[str]) -> int:
    """Read a label: an int, a NumPy integer, a 0-d integer tensor or the name of a class.

    Raises:
        UnsupportedSampleError: It is none of these.
        UserError: It is not one of the bank's classes.
    """
    if isinstance(label, str):
        if label not in class_names:
            raise UserError(
                f"label {label!r} is not one of the bank's classes: "
                f"were dataset and bank made from the same classes?"
            )
        return class_names.index(label)
    if not is_label(label):
        raise UnsupportedSampleError(
            f"a label must be an integer, a 0-d integer tensor or a class name, got {label!r}: "
            f"pass label_at= to say where the label is, or label_at=None if there is none"
        )
    value = int(label)
    if not 0 <= value < len(class_names):
        raise UserError(
            f"label {value} is not one of the bank's {len(class_names)} classes: "
            f"were dataset and bank made from the same classes?"
        )
    return value


def is_label(value: Any) -> bool:
    """Tell whether a value is a class index of one sample."""
    if isinstance(value, torch.Tensor):
        kind = value.dtype
        whole = not (kind.is_floating_point or kind.is_complex or kind == torch.bool)
        return value.ndim == 0 and whole
    # A bool is an int in Python, but beside an image it is a flag, not a class.
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def label_like(value: int, label: Any, class_names: Sequence[str]) -> Any:
    """Return a class index in the type of another label."""
    if isinstance(label, torch.Tensor):
        return torch.full_like(label, value)
    if isinstance(label, str):
        return class_names[value]
    return type(label)(value)


def batch_labels(labels: Any, class_names: Sequence[str]) -> torch.Tensor:
    """Read the labels of a batch as a tensor: a tensor as it is, an array, a list or a tuple.

    Raises:
        UnsupportedSampleError: An item is no label, or an array is not of integers.
        UserError: An item is not one of the bank's classes.
    """
    if isinstance(labels, torch.Tensor):
        return labels
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        return torch.from_numpy(labels.astype(np.int64))
    if isinstance(labels, list | tuple):
        return torch.tensor([class_of(label, class_names) for label in labels], dtype=torch.int64)
    raise UnsupportedSampleError(
        f"the labels of a batch must be integers of shape (batch_size,), got {labels!r}"
    )


def batch_like(values: torch.Tensor, labels: Any, class_names: Sequence[str]) -> Any:
    """Return class indices in the type of the labels of a batch."""
    if isinstance(labels, np.ndarray):
        return values.numpy().astype(labels.dtype)
    if isinstance(labels, list | tuple):
        pairs = zip(values.tolist(), labels, strict=True)
        return type(labels)(label_like(value, label, class_names) for value, label in pairs)
    return values


def probabilities(
    p: Probability,
    class_names: Sequence[str],
    class_counts: Sequence[int] | None,
    max_p: float,
) -> npt.NDArray[np.float64]:
    """Return the probability of replacement of each class, ``(C,)`` float64.

    Args:
        p: One number; one for each class; numbers by class index or name, 0 for the others; or
            `"balanced"`: proportional to 1 / (n + 1) for a class of n training images, the
            rarest class getting `max_p`.
        class_names: Names of the C classes.
        class_counts: The n of `"balanced"`.
        max_p: Probability of the rarest class, for `"balanced"`.

    Raises:
        ValueError: A number is not in [0, 1], or a class is unknown or lacks its number.
    """
    size = len(class_names)
    if not 0 <= max_p <= 1:
        raise ValueError(f"max_p must be in the interval [0, 1], got {max_p}")
    if class_counts is not None:
        _check_counts(class_counts, size)
    # A string first, for it is a sequence, too.
    if isinstance(p, str):
        table = _balanced(p, size, class_counts, max_p)
    elif isinstance(p, Mapping):
        table = np.zeros(size)
        for label, value in p.items():
            table[class_of(label, class_names)] = value
    else:
        given = p.tolist() if isinstance(p, torch.Tensor) else p
        table = np.array(given, dtype=np.float64)
        if table.ndim == 0:  # a Python number, a NumPy scalar or a 0-d tensor
            table = np.full(size, float(table))
        if table.shape != (size,):
            raise ValueError(
                f"p has shape {table.shape}, but the bank has {size} classes: give one for each"
            )
    wrong = table[~((table >= 0) & (table <= 1))]  # NaN fails both comparisons: not < and >
    if len(wrong):
        raise ValueError(f"p must be in the interval [0, 1], got {wrong[0]}")
    return table


def _balanced(
    p: str, num_classes: int, class_counts: Sequence[int] | None, max_p: float
) -> npt.NDArray[np.float64]:
    """Compute p ∝ 1 / (n + 1), the largest being `max_p`."""
    if p != "balanced":
        raise ValueError(f'p must be a number, one for each class, or "balanced", got {p!r}')
    if class_counts is None:
        raise ValueError(
            f'p="balanced" needs class_counts=, the number of training images of each of the '
            f"{num_classes} classes, got {class_counts!r}"
        )
    # One more than n, so that a class without images has a finite rarity, the greatest.
    rarity = 1 / (np.asarray(class_counts, dtype=np.float64) + 1)
    return np.asarray(max_p * rarity / rarity.max())


def _check_counts(class_counts: Sequence[int], num_classes: int) -> None:
    """Refuse counts that are not one number from 0 for each class."""
    counts = np.array(class_counts, dtype=np.float64)
    if counts.shape != (num_classes,) or not (counts >= 0).all() or np.isinf(counts).any():
        raise ValueError(
            f"class_counts needs the number of training images of each of the {num_classes} "
            f"classes, got {class_counts!r}"
        )


def check_soft_options(by: str, gamma: float, *, soft: bool) -> None:
    """Refuse options of soft labels that could not be used, or would do nothing.

    Raises:
        ValueError: `by` or `gamma` is wrong, or given though labels are not soft.
    """
    if by not in ("projection", "noise_ratio"):
        raise ValueError(f'soft_by must be "projection" or "noise_ratio", got {by!r}')
    if not 0 < gamma < float("inf"):
        raise ValueError(f"gamma must be positive, got {gamma}")
    if not soft and (by, gamma) != ("projection", 0.5):
        raise ValueError(f'soft_by={by!r} and gamma={gamma} are for label="soft", which is not set')


@dataclass(frozen=True)
class SoftLabels:
    """Soft labels: a mixture of the one-hot source and target class of a negative.

    Attributes:
        weights: ``(N,)`` float32 in [0, 1], the target's share for each row of the bank.
        num_classes: Length of a soft label.
        rows: Digest of these rows: a pickle keeps the weights, and may meet a bank of other rows.
    """

    weights: npt.NDArray[np.float32]
    num_classes: int
    rows: str

    @classmethod
    def of(cls, bank: Bank | RenumberedBank, by: str, gamma: float) -> SoftLabels:
        """Weigh the rows of a bank.

        Args:
            bank: The bank.
            by: `"projection"`, where the negative was measured to lie between source and
                target (GeNIe, Algorithm 1), or `"noise_ratio"`: r^γ, as Diff-Mix does.
            gamma: The γ of Diff-Mix, > 0.

        Raises:
            ValueError: `by` or `gamma` is wrong.
            UserError: Rows of the bank have no projection.
        """
        check_soft_options(by, gamma, soft=True)
        if by == "noise_ratio":
            weights = np.asarray(bank.column("noise_ratio") ** gamma, dtype=np.float32)
        else:
            weights = bank.projections()
            if np.isnan(weights).any():
                raise UserError(
                    f"{int(np.isnan(weights).sum())} rows of {bank.path} have no projection: "
                    f'use soft_by="noise_ratio"'
                )
        # A negative may lie before its source or beyond its target: projections leave [0, 1].
        return cls(np.clip(weights, 0, 1), len(bank.class_names), bank.content.rows)

    def one_hot(self, labels: torch.Tensor) -> torch.Tensor:
        """Turn class indices ``(...)`` into float32 ``(..., C)``."""
        return torch.nn.functional.one_hot(labels.long(), self.num_classes).float()

    def of_row(self, bank: Bank | RenumberedBank, row: int) -> torch.Tensor:
        """Return the soft label of a row, ``(C,)`` float32.

        Raises:
            BankError: The bank has other rows than those that were weighed.
        """
        if bank.content.rows != self.rows:
            raise BankError(
                f"the bank {bank.path} was built again while in use, or its rows were judged, and "
                f"soft labels are of its earlier rows: open it and make the transform again"
            )
        mixture = torch.zeros(self.num_classes)
        weight = float(self.weights[row])
        # Added, not set: in a same-class bank source and target are one class.
        mixture[int(bank.source_labels[row])] += 1 - weight
        mixture[int(bank.labels[row])] += weight
        return mixture
