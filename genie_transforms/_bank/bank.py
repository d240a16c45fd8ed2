"""A bank of hard negatives: open it, find rows, decode their images."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from genie_transforms._digest import Pixels, source_digest
from genie_transforms._errors import BankError, BankFormatError, UserError
from genie_transforms._pixel_key import pixel_key
from genie_transforms._sharing import fetch_bank
from genie_transforms.format import (
    DEFAULT_KEEP,
    ROW_COLUMNS,
    Manifest,
    Row,
    Size,
    decode_image,
    image_of,
    is_uri,
    planes_of,
)

from .class_names import some_names
from .dataset import BankDataset
from .decoded import DecodedCache
from .filter import FilterResult
from .lookup import ClassIndex, RowNumbers
from .opened import Content, OpenedBank
from .whole import WholeBank

logger = logging.getLogger("genie.bank")


class Bank(WholeBank):
    """Hard negatives on disk, memory-mapped; open one with `Bank.open`.

    A bank pickles to a few hundred bytes: each process maps the files for itself when it first
    needs them, so DataLoader workers share the pages, by fork or by spawn. If the bank was built
    again meanwhile, it is a `BankError` where its classes are others.

    Rows are numbered from 0 to ``len(bank) - 1`` among those that the filter kept.

    Example:
        >>> bank = Bank.open("genie-bank", keep="on_target & noise_ratio >= 0.6")
        >>> bank[0].image()
    """

    def __init__(self, path: Path, keep: str | None, cache: DecodedCache | None = None) -> None:
        self.path = path
        self.keep = keep
        self._cache = cache
        # None until this process needs it: a fork inherits the mapping, a pickle leaves it out.
        self._opened: OpenedBank | None = None
        # Of the bank that was pickled: what was made from it is in the pickle, too.
        self._content: Content | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], keep: str | None = DEFAULT_KEEP) -> Bank:
        """Open the bank in a folder, or fetch the one that a URI names, and open that.

        If classes have no rows left, a warning is logged with what the filter kept.

        Args:
            path: The folder that `python -m index.build` wrote, or a URI such as
                `"s3://bucket/banks/birds"`; the whole bank is then fetched into `~/.cache`.
            keep: Which rows to keep, such as `"on_target & noise_ratio >= 0.6"`; by default
                `DEFAULT_KEEP`: those that are nearest to their target class, differ from their
                source, and that nobody has rejected. None keeps all.

        Raises:
            BankNotFoundError: There is no such folder; it is a FileNotFoundError.
            UnfinishedBankError: Its build did not end.
            BankFormatError: It is damaged, or of another format version.
            StorageError: It cannot be fetched.
            UserError: `keep` is not a filter over the columns of the bank; it is a ValueError.
        """
        if isinstance(path, str) and is_uri(path):
            path = fetch_bank(path)
        # Absolute, for a worker or a pickle may be opened from another working directory.
        bank = cls(Path(path).absolute(), keep)
        kept = bank.kept  # now, so that what is wrong shows here and not in the first worker
        if kept.empty_classes:
            logger.warning("the bank %s: %s", bank.path, kept)
        return bank

    @property
    def manifest(self) -> Manifest:
        """What `genie.json` says of classes, recipe, fingerprint and counts."""
        return self._load().manifest

    @property
    def class_names(self) -> list[str]:
        """Names of the classes; labels are positions in it."""
        return self._load().manifest.class_names

    @property
    def kept(self) -> FilterResult:
        """How many rows the filter kept, and what each of its clauses dropped."""
        return self._load().kept

    @property
    def labels(self) -> RowNumbers:
        """The target class of each row, ``(N,)`` int64."""
        return self._load().labels

    @property
    def source_labels(self) -> RowNumbers:
        """The source class of each row, ``(N,)`` int64."""
        return self._load().source_labels

    @property
    def class_index(self) -> ClassIndex:
        """The rows of all classes, in two arrays."""
        return self._load().classes

    @property
    def content(self) -> Content:
        """Digests of its classes and of the rows that the filter kept."""
        return self._load().content

    @property
    def has_pairs_within_classes(self) -> bool:
        """Whether source and target of a row are one class."""
        return self._load().has_pairs_within_classes

    def __len__(self) -> int:
        """Return the number of rows that the filter kept."""
        return len(self._load().labels)

    def __getitem__(self, index: int) -> Row:
        """Read a row; its image is decoded only when `image()` is called.

        Raises:
            IndexError: There is no such row.
        """
        physical = self._physical(index)
        # Two callables instead of the bank: the format knows nothing of those who read it.
        table = self._load().table
        return Row(
            **table.row(
                physical, [name for name in ROW_COLUMNS if name in table.arrow.schema.names]
            ),
            image=partial(self.image, index),
            image_bytes=partial(self.image_bytes, index),
            judgements=table.row(physical, table.judged),
        )

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in order."""
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        """Say where the bank is, what was kept, and which classes have nothing."""
        empty = self.kept.empty_classes
        none_of = f"; no rows of {some_names(empty)}" * bool(empty)
        return f"Bank({str(self.path)!r}, keep={self.keep!r}): {self.kept}{none_of}"

    def rows_of_class(self, label: int) -> RowNumbers:
        """Return the numbers of the rows whose target class is `label`, ascending int64.

        Raises:
            ValueError: There is no such class.
        """
        if not 0 <= label < len(self.class_names):
            raise ValueError(
                f"label {label} is not one of the {len(self.class_names)} classes of the bank "
                f"{self.path}"
            )
        return self._load().classes[label]

    def digest_of(self, image: Image.Image | torch.Tensor | Pixels) -> str:
        """Return the `source_digest` of an image, found by its `pixel_key` where the bank has that.

        An image that it does not have takes the time of both: `source_digest` is then computed.
        """
        keys = self._load().pixel_keys
        found = None if keys is None else keys.find(pixel_key(image))
        return source_digest(image) if found is None else found

    def rows_of_source(self, digest: str) -> RowNumbers:
        """Return the numbers of the rows made from the image with this digest, ascending."""
        return self._load().sources.rows(digest)

    def knows_source(self, digest: str) -> bool:
        """Tell whether the image with this digest is a source, with or without rows."""
        return digest in self._load().sources

    def label_of_source(self, digest: str) -> int | None:
        """Return the class of a source image; None if unknown, or known under two classes."""
        return self._load().sources.label(digest)

    def class_of_source(self, digest: str) -> str | None:
        """Return the name of a source image's class; None where `label_of_source` is."""
        label = self.label_of_source(digest)
        return None if label is None else self.class_names[label]

    def column(self, name: str) -> npt.NDArray[Any]:
        """Read a column of numbers, booleans or strings, ``(N,)``.

        One of whole numbers is int32 or int64 where every row has a value, and float64 with NaN
        where rows have none, as those that a judge has not seen.

        Raises:
            UserError: There is no such column: banks of earlier versions lack some.
        """
        opened = self._load()
        if name not in opened.table.flat_columns:
            raise UserError(
                f"the bank {self.path} has no column {name!r} of one value a row, but "
                f"{', '.join(opened.table.flat_columns)}"
            )
        return opened.table.column(name, opened.physical)

    def projections(self) -> npt.NDArray[np.float32]:
        """Read each row's projection at its own noise ratio, ``(N,)``; NaN where there is none."""
        opened = self._load()
        return opened.table.projections()[opened.physical]

    def image(self, index: int, size: Size | None = None) -> Image.Image:
        """Decode the image of a row to RGB, scaled and cropped to (height, width) if given.

        Without a size it is as stored, or as `decoded` made it.
        """
        physical = self._physical(index)
        # The cache has one size. Any other is decoded again: scaling twice would blur.
        if self._cache is not None and (size is None or self._cache.serves(size)):
            return image_of(self._cache.planes(physical))
        return self._decode_row(physical, size)

    def sweep(self, index: int) -> list[Image.Image]:
        """Decode every image X_r of a row's sweep to RGB, in the order of its `noise_ratios`.

        Raises:
            UserError: The bank was built without `--keep-sweep`, so that only the chosen image of
                each sweep is there.
            IndexError: There is no such row.
        """
        physical = self._physical(index)
        blobs = self._load().table.sweep(physical)
        if blobs is None:
            raise UserError(
                f"row {index} of the bank {self.path} has no sweep, only the image that was "
                f"chosen: build the bank with --keep-sweep"
            )
        return [self._decode(blob, physical) for blob in blobs]

    def planes(self, index: int, size: Size) -> torch.Tensor:
        """Return the image of a row as a new ``(3, H, W)`` uint8 tensor."""
        planes = self.mapped_planes(index, size)
        return planes if self._cache is None else planes.clone()

    def mapped_planes(self, index: int, size: Size) -> torch.Tensor:
        """Return the image of a row as ``(3, H, W)`` uint8, perhaps a view of the decoded cache.

        The cache is mapped read-only, which a tensor cannot show: to write into this one ends
        the process. `planes` returns a copy.
        """
        physical = self._physical(index)  # first, for it may find that the cache is out of date
        if self._cache is not None and self._cache.serves(size):
            return self._cache.planes(physical)
        return planes_of(self.image(index, size))

    def mapped_arrays(self, rows: RowNumbers, size: Size) -> Iterator[Pixels]:
        """Yield the images of many rows as `mapped_planes` does, but as arrays, which cost less."""
        physical = self._load().physical
        if self._cache is None or not self._cache.serves(size):
            return (self.mapped_planes(row, size).numpy() for row in rows.tolist())
        return self._cache.iter_arrays(physical[rows])

    def decoded(self, size: int | Size, folder: str | os.PathLike[str] | None = None) -> Bank:
        """Return the same bank with all images decoded, so that replacing one is a copy.

        The first call decodes every row once into a memory-mapped array beside the bank, which
        later calls and other processes open; it takes ``3 · height · width`` bytes a row. An image
        is a mere copy while the rows in use fit into the memory that the system has for files;
        beyond that, it also costs a read from disk.

        Args:
            size: Height and width in pixels, or one number for a square.
            folder: Where to keep the array, for banks on read-only media.

        Raises:
            BankError: The folder cannot be written.
            UserError: The size is not a positive number, or two of them.
        """
        height, width = _checked_size(size)
        target = self.path / "decoded" if folder is None else Path(folder).absolute()
        cache = DecodedCache.for_bank(target, (height, width), self.manifest)
        self._fill(cache)
        bank = Bank(self.path, self.keep, cache)
        bank._opened = self._opened  # or the indexes would be sorted again
        return bank

    def image_bytes(self, index: int) -> bytes:
        """Read the image of a row as it is stored, encoded."""
        return bytes(self._load().table.image_bytes(self._physical(index)))

    def as_dataset(
        self,
        transform: Callable[[Image.Image], Any] | None = None,
        *,
        classes: Sequence[str] | None = None,
    ) -> BankDataset:
        """Return the negatives as a dataset of (image, target class), to add to the real data.

        Args:
            transform: Applied to the PIL image.
            classes: Names of the real data's classes in the order of its labels, such as
                `dataset.classes`; targets are then its numbers. Without it, the bank's.

        Raises:
            UserError: Negatives are of classes that are not in `classes`.
        """
        return BankDataset(self, transform, classes)

    def _decode_row(self, physical: int, size: Size | None) -> Image.Image:
        """Decode the image of a row on disk."""
        return self._decode(self._load().table.image_bytes(physical), physical, size)

    def _decode(self, blob: memoryview, physical: int, size: Size | None = None) -> Image.Image:
        """Decode an image that belongs to a row on disk."""
        try:
            return decode_image(blob, size)
        except BankFormatError as error:
            raise BankFormatError(f"row {physical} of {self.path}: {error}") from error

    def _physical(self, index: int) -> int:
        """Turn a row of the opened bank into a row on disk."""
        physical = self._load().physical
        # Negative numbers count from the end, as in a list.
        if not -len(physical) <= index < len(physical):
            raise IndexError(f"row {index} of a bank with {len(physical)} rows")
        return int(physical[index])

    def _load(self) -> OpenedBank:
        """Map the files, once in each process."""
        if self._opened is None:
            opened = OpenedBank.read(self.path, self.keep)
            if self._content is not None:
                self._compare(self._content, opened.content)
            self._opened = opened  # decoding reads it
            try:
                self._renew_cache(opened.manifest)
            except BankError:
                self._opened = None  # the next call says the same
                raise
        return self._opened

    def _compare(self, old: Content, new: Content) -> None:
        """Refuse other classes than the bank had when it was pickled; warn of other rows.

        A worker opens the bank later than the process that started it, and meanwhile the bank may
        have been built again.

        Raises:
            BankError: Its classes are others, or in another order.
        """
        if new.classes != old.classes:
            raise BankError(
                f"the bank {self.path} was built again while in use, with other classes or in "
                f"another order: open it and make the transform again"
            )
        if new.rows != old.rows:
            logger.warning(
                "the bank %s was built again while it was in use, or its rows were judged: numbers "
                "of rows may mean other rows", self.path
            )  # fmt: skip

    def _renew_cache(self, manifest: Manifest) -> None:
        """Make the decoded images again if those that were made are gone, or of other rows."""
        old = self._cache
        if old is None:
            return
        self._cache = DecodedCache.for_bank(old.path.parent, old.size, manifest)
        if self._cache.path != old.path:
            logger.warning("the images of the bank %s are decoded again", self.path)
        self._fill(self._cache)

    def _fill(self, cache: DecodedCache) -> None:
        # The filter plays no part: the array has all rows on disk, and serves every filter.
        cache.fill(lambda row: planes_of(self._decode_row(row, cache.size)))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapped tables out: pickling them would copy all their data."""
        content = self._content if self._opened is None else self._opened.content
        return {**self.__dict__, "_opened": None, "_content": content}


def _checked_size(size: Any) -> Size:
    """Return height and width, given as two numbers or as one for a square."""
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    whole = all(isinstance(x, int | np.integer) and not isinstance(x, bool) for x in pair)
    if len(pair) != 2 or not whole or min(pair) < 1:
        raise UserError(
            f"the size of decoded images must be height and width in pixels, or one number for a "
            f"square, each at least 1: got {size!r}"
        )
    return int(pair[0]), int(pair[1])
