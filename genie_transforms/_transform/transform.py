"""GeNIeTransform: takes one sample or one batch, and returns it or hard negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from genie_transforms._bank import Bank, check_names, some_names
from genie_transforms._errors import UnsupportedSampleError, UserError

from .choice import Chooser, Missing, Replace, Schedule
from .convert import Converter
from .counters import Counters
from .labels import Probability, SoftLabels, check_soft_options, probabilities
from .reach import bank_for, warn_of_reach
from .replacer import Replacer
from .sample import read_sample


class GeNIeTransform(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Replace images by hard negatives of a bank, with a given probability.

    Takes what torchvision's transforms take: an image alone, (image, label) in any nesting, or
    a batch ``(B, C, H, W)`` with labels ``(B,)``, where `MixUp` and `CutMix` stand. Type, dtype,
    device and channels of the image are kept; nothing is changed in place unless `in_place`
    says so; all other leaves are the same objects. An image alone is recognised by its pixels,
    so the transform then comes first.

    Example:
        >>> bank = Bank.open("genie-bank")
        >>> ImageFolder(root, transforms.Compose([GeNIeTransform(bank), transforms.ToTensor()]))

    Args:
        bank: The negatives; filter them with `Bank.open(path, keep=...)`.
        p: Probability of replacement in [0, 1]; or one for each class, as a sequence or by
            index or name; or "balanced", ∝ 1 / (n + 1) for a class of n training images. May be
            set later; workers that already run do not see it.
        classes: Names of the dataset's classes in the order of its labels, such as
            `dataset.classes`. Labels, p and `class_counts` then follow the dataset, and classes
            are matched with the bank's by name; without it, they follow the bank. Images of
            classes that the bank lacks stay.
        replace: "target": the image becomes a negative whose target class is the sample's
            label, made from another image; the label stays true. Only in banks with pairs within
            a class (Img2Img), and only if the sample has a label, may it be made from the image
            itself, which is then not looked up. "source": a negative made from this very image,
            and the label becomes the negative's target class.
        label: "hard" returns class indices; "soft" returns ``(C,)`` float32 for every sample: a
            mixture of the negative's source and target class, one-hot where nothing changed.
        soft_by: The target's share: "projection", where the negative was measured to lie
            between source and target, or "noise_ratio", r^gamma as in Diff-Mix.
        gamma: Exponent of "noise_ratio", > 0.
        class_counts: Training images of each class, for p="balanced".
        max_p: Probability of the rarest class, for p="balanced".
        warmup_epochs: Epochs over which p grows linearly from 0; see `set_epoch`.
        off_after: Last epoch with replacements; None for no end.
        on_missing: "pass" keeps the image when the bank has no negative for its class, "raise"
            raises.
        size: "match" brings negatives to the size of the image that they replace, scaled to
            cover it and cropped at the centre; "stored" leaves them as the bank has them, for
            PIL images that are resized later anyway.
        mean: Mean that float images were normalised with, of pixels in [0, 1], as torchvision has
            it; without it they must be in [0, 1].
        std: Standard deviation, likewise.
        label_at: Path of the label in the sample: a key, an index, or a tuple of these;
            "default" looks where `MixUp` looks; None if there is none.
        in_place: Write negatives into the given batch, so that only replaced images are touched:
            the caller's tensor changes. Single images are never written into.

    Raises:
        ValueError: An argument is wrong.
        UserError: `label` is "soft", and rows of the bank have no projection; or `classes` are
            no names, or none of them is a class of the bank.
        TypeError: `bank` is not a `Bank`.

    Warns:
        UserWarning: Classes have no negatives, the filter keeps nothing, or the dataset lacks
            classes of the bank. Later, once: none of the first images is known to the bank, or one
            has another class there; images look as if they were not normalised though `mean` and
            `std` are given; or there is a schedule and nobody calls `set_epoch`.
    """

    # Seventeen arguments, one flat list of keywords as torchvision's transforms have them: settings
    # objects would be shorter here and longer in each training script.

    def __init__(
        self,
        bank: Bank,
        p: Probability = 0.5,
        *,
        classes: Sequence[str] | None = None,
        replace: Replace = "target",
        label: Literal["hard", "soft"] = "hard",
        soft_by: Literal["projection", "noise_ratio"] = "projection",
        gamma: float = 0.5,
        class_counts: Sequence[int] | None = None,
        max_p: float = 0.5,
        warmup_epochs: int = 0,
        off_after: int | None = None,
        on_missing: Missing = "pass",
        size: Literal["match", "stored"] = "match",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        label_at: Any = "default",
        in_place: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(bank, Bank):
            raise TypeError(f"bank must be a Bank, got {bank!r}: open one with Bank.open(path)")
        _check_choice("replace", replace, ("target", "source"))
        _check_choice("label", label, ("hard", "soft"))
        _check_choice("on_missing", on_missing, ("pass", "raise"))
        _check_choice("size", size, ("match", "stored"))
        check_soft_options(soft_by, gamma, soft=label == "soft")
        names = None if classes is None else check_names(classes)
        used = bank_for(bank, names, soft=label == "soft")
        self._class_counts, self._max_p = class_counts, max_p
        table = probabilities(p, used.class_names, class_counts, max_p)
        schedule = Schedule(warmup_epochs, off_after)
        soft = SoftLabels.of(used, soft_by, gamma) if label == "soft" else None
        converter = Converter(mean, std)
        warn_of_reach(used, table, replace)
        self.bank, self.replace, self.label = bank, replace, label
        self.classes = names
        self.size, self.label_at, self.in_place = size, label_at, in_place
        self._p = p
        self._chooser = Chooser(used, table, replace, on_missing, schedule)
        self._replacer = Replacer(used, self._chooser, converter, soft, size, in_place)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes that labels number, which are `classes` or else the bank's."""
        return self._chooser.bank.class_names

    @property
    def p(self) -> Probability:
        """Probability of replacement, as it was given; may be set."""
        return self._p

    @p.setter
    def p(self, p: Probability) -> None:
        self._chooser.table = probabilities(p, self.class_names, self._class_counts, self._max_p)
        self._p = p

    @property
    def counters(self) -> Counters:
        """What was seen and replaced so far, in this process and in its DataLoader workers."""
        return self._chooser.state.totals()

    def reset_counters(self) -> None:
        """Set the counters to zero."""
        self._chooser.state.reset()

    def set_epoch(self, epoch: int) -> None:
        """Tell the schedule the epoch, from 0, as each begins; running workers see it too."""
        self._chooser.state.epoch = epoch

    def forward(self, *inputs: Any) -> Any:
        """Return a sample or a batch with images replaced, or as it was.

        Raises:
            UnsupportedSampleError: The sample cannot be replaced truthfully.
            NoNegativesError: A class has no negatives and `on_missing` is "raise".
            UserError: A label is not one of the classes, or most of the first images that the bank
                knows have other classes there, or a batch cannot be written in place.
            ValueError: Pixels are not on the scale that `mean`, `std` or their dtype says.
        """
        # The decorator of `_uncompiled` costs as much as a tenth of a call, so only there.
        return _uncompiled(self, inputs) if torch.compiler.is_compiling() else self._run(inputs)

    def _run(self, inputs: tuple[Any, ...]) -> Any:
        """Do what `forward` says."""
        if not inputs:
            raise UnsupportedSampleError(
                "GeNIeTransform was called without a sample: give it an image, or image and label"
            )
        given = inputs if len(inputs) > 1 else inputs[0]
        if isinstance(given, dict) and (length := _column_length(given)):
            # Each row draws for itself, as its samples would one by one.
            rows = [self._run((row,)) for row in _rows_of(given, length)]
            return {key: _column_like([row[key] for row in rows], given[key]) for key in given}
        sample = read_sample(given, self.label_at, self.class_names)
        # Whatever is drawn, so that the mistake shows at once and not after a warm-up.
        if sample.label is None and (self.replace == "source" or self.label == "soft"):
            raise UnsupportedSampleError(
                f"replace={self.replace!r} with label={self.label!r} changes the label, but the "
                f"sample has none, so it would be lost: use WithTransforms(dataset, transform), "
                f"which passes the transform image and label"
            )
        return self._replacer(sample)

    def draw(self, label: Any) -> tuple[Image.Image, Any] | None:
        """Draw a negative and its label before the real image is read; None to keep that one.

        Only for `replace="target"`; the negative has the size that it has in the bank.

        Args:
            label: The class of the image that would be read.

        Raises:
            UserError: `replace` is "source": which negative it is depends on the image.
        """
        if self.replace == "source":
            raise UserError(
                'draw(label) needs replace="target": with "source" the negative depends on the '
                "image, which is not read yet"
            )
        return self._replacer.draw(label)

    def keep(self, sample: Any) -> Any:
        """Return a sample that `draw` kept, with the label that it has when nothing is replaced."""
        return self._replacer.keep(read_sample(sample, self.label_at, self.class_names))

    def extra_repr(self) -> str:
        """Name what decides: the bank and its filter, p, and how labels change."""
        several = isinstance(self.p, Mapping | list | tuple) or np.ndim(self.p) > 0
        p = "per class" if several else repr(self.p)
        classes = "" if self.classes is None else f", classes={some_names(self.classes)}"
        return (
            f"bank={str(self.bank.path)!r}, keep={self.bank.keep!r}, rows={len(self.bank)}, "
            f"p={p}, replace={self.replace!r}, label={self.label!r}, size={self.size!r}{classes}"
        )


# A compiled training step breaks here and goes on after it: drawing numbers and reading files
# are nothing to compile.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _uncompiled(transform: GeNIeTransform, inputs: tuple[Any, ...]) -> Any:
    """Run a transform within a compiled function."""
    return transform._run(inputs)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def _column_length(sample: dict[Any, Any]) -> int:
    """Count the rows of a dictionary of lists, as Hugging Face passes it; 0 if it is none."""
    for column in sample.values():
        if isinstance(column, list) and column and _is_image(column[0]):
            return len(column)
    return 0


def _is_image(value: Any) -> bool:
    """Tell whether an entry of a column is an image."""
    return isinstance(value, Image.Image) or (isinstance(value, torch.Tensor) and value.ndim > 1)


def _rows_of(columns: dict[Any, Any], length: int) -> list[dict[Any, Any]]:
    """Turn a dictionary of lists into dictionaries.

    Raises:
        UnsupportedSampleError: A column is none, or has another length.
    """
    wrong = [
        key
        for key, column in columns.items()
        if not isinstance(column, list | tuple | np.ndarray | torch.Tensor) or len(column) != length
    ]
    if wrong:
        raise UnsupportedSampleError(f"the columns {wrong} do not have {length} entries")
    return [{key: column[row] for key, column in columns.items()} for row in range(length)]


def _column_like(values: list[Any], column: Any) -> Any:
    """Return the entries of a column as the kind of column that they were taken from."""
    if isinstance(column, torch.Tensor):
        return torch.stack(values)
    return np.stack(values) if isinstance(column, np.ndarray) else type(column)(values)
