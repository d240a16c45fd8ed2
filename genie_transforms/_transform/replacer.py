"""Put a chosen negative in the place of a sample's image, and its label beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from genie_transforms._bank import Bank, RenumberedBank, RowNumbers
from genie_transforms.format import size_of

from .batch import check_labels, replace_rows
from .choice import Chooser
from .convert import Converter, in_mode, with_channels, wrap_like
from .known_labels import compare_label
from .labels import SoftLabels, batch_labels, batch_like, class_of, label_like
from .sample import Sample


@dataclass
class Replacer:
    """Replaces what the chooser chose.

    Attributes:
        bank: Where the negatives come from, in the class numbers of the dataset.
        chooser: Decides which samples are replaced, and by what.
        converter: Brings pixels to the scale of float images.
        soft: Makes soft labels; None for class indices.
        size: "match" or "stored", as `GeNIeTransform` has it.
        in_place: Whether batches are written into.
    """

    bank: Bank | RenumberedBank
    chooser: Chooser
    converter: Converter
    soft: SoftLabels | None
    size: Literal["match", "stored"]
    in_place: bool
    _compares_labels: bool = True  # not shared: each process finds that enough were compared

    def __call__(self, sample: Sample) -> Any:
        """Return the sample or batch with images replaced, or as it was."""
        image = sample.image
        if isinstance(image, torch.Tensor) and image.ndim == 4:
            return self._batch(sample)
        label = self._class_of(sample)
        row = self.chooser.one(label, partial(self._digest, image))
        if row is None:
            return self._kept(sample, label)
        return sample.rebuild(self._image(row, image), self._label(row, sample.label))

    def keep(self, sample: Sample) -> Any:
        """Return a sample as it was; its label is one-hot if labels are soft."""
        return self._kept(sample, self._class_of(sample))

    def _kept(self, sample: Sample, label: int | None) -> Any:
        if self.soft is None:
            return sample.original
        return sample.rebuild(sample.image, self.soft.one_hot(torch.tensor(label)))

    def draw(self, label: Any) -> tuple[Image.Image, Any] | None:
        """Draw a negative of a class and its label; None to keep the sample."""
        row = self.chooser.one(class_of(label, self.bank.class_names), str)
        # The size as stored, for there is no image yet whose size it could take.
        return None if row is None else (self.bank.image(row), self._label(row, label))

    def _class_of(self, sample: Sample) -> int | None:
        """Read the class of a sample; that of the first ones is compared with the bank's."""
        if sample.label is None:
            return None
        label = class_of(sample.label, self.bank.class_names)
        self._compare_label(sample.image, label)
        return label

    def _compare_label(self, image: Any, label: int) -> None:
        if not self._compares_labels:
            return
        if not isinstance(image, torch.Tensor) or _has_digest(image.dtype):
            self._compares_labels = compare_label(
                self.bank, label, partial(self._digest, image), self.chooser.state
            )

    def _digest(self, image: Any) -> str:
        """Compute the `source_digest` of an image as it was before normalisation."""
        return self.bank.digest_of(self.converter.undo(image) if torch.is_tensor(image) else image)

    def _image(self, row: int, image: Any) -> Any:
        """Return a negative in the form of an image."""
        if isinstance(image, Image.Image):
            size = size_of(image) if self.size == "match" else None
            return in_mode(self.bank.image(row, size), image.mode)
        if image.ndim == 2:  # grey, without a channel
            return wrap_like(self._tensor(row, image[None])[0], image)
        return wrap_like(self._tensor(row, image), image)

    def _tensor(self, row: int, image: torch.Tensor) -> torch.Tensor:
        """Return a negative as a new ``(C, H, W)`` tensor like another."""
        self.converter.check_range(image)
        planes = with_channels(self.bank.mapped_planes(row, size_of(image)), image.shape[0])
        # A copy even where dtypes agree: the planes may be a view of the decoded cache on disk.
        out = torch.empty_like(image.as_subclass(torch.Tensor))
        return out.copy_(self.converter.like(planes.to(image.device), out))

    def _label(self, row: int, label: Any) -> Any:
        """Return the label of a negative in the form of another label."""
        if label is None:
            return None
        if self.soft is not None:
            return self.soft.of_row(self.bank, row)
        return label_like(int(self.bank.labels[row]), label, self.bank.class_names)

    def _batch(self, sample: Sample) -> Any:
        """Replace images of a batch."""
        images, names = sample.image, self.bank.class_names
        labels = None if sample.label is None else batch_labels(sample.label, names)
        # Labels before the draw: a batch that is refused leaves the generator where it was.
        classes = None
        if labels is not None:
            classes = check_labels(labels, len(images), len(names))
            if self._compares_labels and _has_digest(images.dtype):
                for image, label in zip(images, classes.tolist(), strict=True):
                    self._compare_label(image, label)
        rows = self._choose_rows(images, classes)
        replaced = replace_rows(images, rows, self.bank, self.converter, in_place=self.in_place)
        if labels is None or (self.soft is None and self.chooser.replace == "target"):
            new_labels = sample.label  # the label of a negative is the sample's own
        else:
            new_labels = self._batch_labels(rows, labels)
            if self.soft is None:
                new_labels = batch_like(new_labels, sample.label, names)
        return sample.rebuild(wrap_like(replaced, images), new_labels)

    def _choose_rows(self, images: torch.Tensor, classes: RowNumbers | None) -> RowNumbers:
        """Choose the rows for a batch, ``(B,)``; -1 keeps an image."""
        if classes is not None and self.chooser.replace == "target":
            return self.chooser.many(classes)
        # One by one, for each image has to be looked up by its digest.
        labels = [None] * len(images) if classes is None else classes.tolist()
        chosen = (
            self.chooser.one(label, partial(self._digest, image))
            for image, label in zip(images, labels, strict=True)
        )
        return np.array([-1 if row is None else row for row in chosen], dtype=np.int64)

    def _batch_labels(self, rows: RowNumbers, labels: torch.Tensor) -> torch.Tensor:
        """Return the labels of a batch after replacement, on the device of the old ones."""
        places = np.flatnonzero(rows >= 0)
        if self.soft is None:
            values = labels.clone()
            values[torch.from_numpy(places)] = torch.from_numpy(self.bank.labels[rows[places]]).to(
                labels
            )
            return values
        mixtures = self.soft.one_hot(labels.cpu())
        for place in places.tolist():
            mixtures[place] = self.soft.of_row(self.bank, int(rows[place]))
        return mixtures.to(labels.device)


def _has_digest(dtype: torch.dtype) -> bool:
    """Tell whether images have a digest: whole numbers of more than 8 bits have none."""
    return dtype == torch.uint8 or dtype.is_floating_point
