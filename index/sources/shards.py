"""WebDataset shards: tar files with an image and its label side by side, under one key."""

from __future__ import annotations

import io
import itertools
import json
import posixpath
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image

from genie_transforms import UserError

from .labels import number_classes
from .reading import decode
from .source import Ids, Source

_IMAGES = ("jpg", "jpeg", "png", "webp", "ppm", "bmp")
_LABELS = ("label", "cls", "class", "target")


class _Sample(NamedTuple):
    """Where a sample is, and its label as it is written."""

    shard: int
    key: str
    start: int
    size: int
    label: str
    name: str | None


class ShardedImages:
    """Images within tar files, read by their place; what `webdataset`'s `decode("pil")` yields.

    Args:
        shards: The files.
        samples: The samples, of which only the places are kept.
    """

    def __init__(self, shards: Sequence[Path], samples: Sequence[_Sample]) -> None:
        self.shards = list(shards)
        self._keys = pa.array([sample.key for sample in samples], pa.large_string())
        places = [(sample.shard, sample.start, sample.size) for sample in samples]
        self._places = np.array(places, dtype=np.int64).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, row: int) -> tuple[Image.Image]:
        shard, start, size = self._places[row].tolist()
        with self.shards[shard].open("rb") as file:
            file.seek(start)
            content = file.read(size)
        return (decode(io.BytesIO(content)),)

    def name(self, row: int) -> str:
        """Return the shard and the key of a sample."""
        return f"{self.shards[self._places[row, 0]].name}/{self._keys[row].as_py()}"


def open_shards(files: Sequence[Path], what: str) -> Source:
    """Open tar files as `webdataset` reads them.

    Files of one sample follow each other and have one name up to the first dot: an image, such as
    `000.jpg`, and its label, in `000.cls` or as `label` in `000.json`. If `.cls` is a number and
    `label` in `.json` a word, that names the class.

    Args:
        files: The shards, in the order of their rows.
        what: What messages call the source.

    Raises:
        UserError: Two files have one name, one is no plain tar, or a sample has no label or not one
            image.
    """
    counts = Counter(file.name for file in files)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:  # images are called by the names of their shards
        raise UserError(f"{what} has several shards {twice}: give each a name of its own")
    samples: list[_Sample] = []
    for number, file in enumerate(files):
        try:
            # No "r:*": compressed files cannot be read from the middle.
            with tarfile.open(file, "r:") as tar:
                samples += _samples(tar, number, file)
        except tarfile.TarError as error:
            raise UserError(f"{file} cannot be read as an uncompressed tar: {error}") from error
    named = [sample.name for sample in samples]
    known = [name for name in named if name is not None]
    classes, labels = number_classes(
        [sample.label for sample in samples], known if len(known) == len(named) else None, what
    )
    images = ShardedImages(files, samples)
    return Source(images, classes, labels, Ids(len(images), images.name), "webdataset")


def _samples(tar: tarfile.TarFile, shard: int, file: Path) -> Iterator[_Sample]:
    """Find the samples of a shard."""
    members = (member for member in tar if member.isfile() and not _is_hidden(member.name))
    for key, group in itertools.groupby(members, key=lambda member: _split(member.name)[0]):
        fields = {_split(member.name)[1]: member for member in group}
        images = [fields[field] for field in _IMAGES if field in fields]
        if len(images) != 1:
            raise UserError(
                f"{file}: {key} has {sorted(fields)}, where one image is needed, "
                f"{', '.join(_IMAGES)}"
            )
        content: dict[str, str] = {
            field: handle.read().decode("utf-8").strip()
            for field in ("cls", "json")
            if field in fields and (handle := tar.extractfile(fields[field])) is not None
        }
        label, name = _label(content, f"{file}: {key}")
        yield _Sample(shard, key, images[0].offset_data, images[0].size, label, name)


def _is_hidden(name: str) -> bool:
    """Return whether a file is none of a sample: `._000.jpg` of macOS, `__index__.json`."""
    return posixpath.basename(name).startswith((".", "__"))


def _split(name: str) -> tuple[str, str]:
    """Split a file's path into its key and the rest of its name, at the first dot of the name."""
    folder, base = posixpath.split(name)
    stem, _, field = base.partition(".")
    return posixpath.join(folder, stem), field.lower()


def _label(content: dict[str, str], sample: str) -> tuple[str, str | None]:
    """Return a sample's label as it is written, and the name of its class if it has one."""
    described: object = None
    if "json" in content:
        try:
            columns = json.loads(content["json"])
        except json.JSONDecodeError as error:
            raise UserError(f"{sample}.json is not JSON: {error}") from error
        if isinstance(columns, dict):
            described = next((columns[name] for name in _LABELS if name in columns), None)
    if isinstance(described, bool) or not isinstance(described, int | str):
        described = None
    if content.get("cls"):
        return content["cls"], described if isinstance(described, str) else None
    if described is None or described == "":
        raise UserError(f"{sample} has no label: write it in .cls, or as `label` in .json")
    return str(described), None
