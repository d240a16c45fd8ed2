"""Images that a text file lists: `path label` lines, or a table with named columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from PIL import Image

from genie_transforms import MissingFileError, UserError

from .labels import number_classes
from .reading import read_image
from .source import Ids, Source
from .tables import read_csv, read_text

LIST_SUFFIXES = (".txt", ".lst", ".csv", ".tsv", ".jsonl")

_PATHS = ("path", "file_name", "filename", "file", "image")
_LABELS = ("label", "target", "class")
_NAMES = ("class_name", "label_name")


class _Lines(NamedTuple):
    """What a file lists; the names of classes if it has them beside their numbers."""

    paths: list[str]
    labels: list[str]
    names: list[str] | None = None


class ListedImages:
    """Images at paths below a folder, read as `ImageFolder` reads its own.

    Args:
        root: The folder.
        paths: Their paths, as text.
    """

    def __init__(self, root: Path, paths: Sequence[str]) -> None:
        # One buffer in place of a Python string for each image.
        self.root, self._paths = root, pa.array(paths, pa.large_string())

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> tuple[Image.Image]:
        return (read_image(str(self.root / self.path(row))),)

    def path(self, row: int) -> str:
        """Return the path of a row as the file gives it."""
        path: str = self._paths[row].as_py()
        return path


def open_image_list(path: Path, image_root: str, what: str) -> Source:
    """Open a list of images.

    Args:
        path: A .txt or .lst file of lines `path label`, as ImageNet-LT has; a .csv or .tsv file
            whose first row names its columns; or a .jsonl file of objects. Columns are called path
            (or file_name) and label, and class_name if labels are numbers whose names are known.
        image_root: Folder that the paths are below; the file's own if "".
        what: What messages call the source.

    Raises:
        MissingFileError: None of the listed images is there.
        UserError: The file cannot be understood.
    """
    readers = {".csv": _table, ".tsv": _table, ".jsonl": _objects}
    lines = readers.get(path.suffix.lower(), _plain)(path)
    names, labels = number_classes(lines.labels, lines.names, what)
    images = ListedImages(Path(image_root) if image_root else path.parent, lines.paths)
    # Some that are missing are recorded as bad; if none is there, the folder is another one.
    if not any((images.root / name).exists() for name in lines.paths):
        raise MissingFileError(
            f"{what} lists {len(images)} images, none of which is below {images.root}, such as "
            f"{lines.paths[:3]}: say with --image-root where they are"
        )
    return Source(images, names, labels, Ids(len(images), images.path), "list")


def _plain(path: Path) -> _Lines:
    """Read `path label` lines; a path may have spaces."""
    paths, labels = [], []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        parts = line.rsplit(maxsplit=1)
        if len(parts) == 1:
            raise UserError(f"{path}, line {number}: expected a path and a label, got {line!r}")
        if parts:
            paths.append(parts[0].strip())
            labels.append(parts[1])
    return _Lines(paths, labels)


def _table(path: Path) -> _Lines:
    table = read_csv(path, "\t" if path.suffix.lower() == ".tsv" else ",")
    # " 3" would be a word, and words are numbered in another order.
    header, *rows = [[cell.strip() for cell in row] for row in table] or [[]]
    columns = [_place(path, header, accepted) for accepted in (_PATHS, _LABELS)]
    columns += [header.index(name) for name in _NAMES if name in header][:1]
    for row in rows:
        if len(row) != len(header):
            raise UserError(f"{path}: expected {len(header)} columns, got {row}")
    return _lines(path, [[row[column] for column in columns] for row in rows])


def _objects(path: Path) -> _Lines:
    """Read a JSON object on each line."""
    cells = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(entry, dict):
            raise UserError(f"{path}, line {number}: expected an object, got {line!r}")
        keys = list(entry)
        wanted = [keys[_place(path, keys, accepted)] for accepted in (_PATHS, _LABELS)]
        wanted += [name for name in _NAMES if name in entry][:1]
        cells.append([_text(path, number, entry[key]) for key in wanted])
    return _lines(path, cells)


def _text(path: Path, number: int, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UserError(f"{path}, line {number}: expected a number or a word, got {value!r}")
    return str(value).strip()


def _place(path: Path, header: Sequence[str], accepted: Sequence[str]) -> int:
    """Find the one column that has an accepted name."""
    found = [name for name in accepted if name in header]
    if len(found) != 1:
        raise UserError(
            f"{path} needs one column called {' or '.join(accepted)}, has {list(header)}"
        )
    return header.index(found[0])


def _lines(path: Path, cells: Sequence[Sequence[str]]) -> _Lines:
    """Turn rows of path, label and perhaps a name into columns."""
    widths = {len(row) for row in cells}
    if len(widths) > 1:
        raise UserError(f"{path} has a {_NAMES[0]} for some images only")
    if any(not cell for row in cells for cell in row):
        raise UserError(f"{path} has an image without a path, label or name")
    paths, labels, *names = ([row[k] for row in cells] for k in range(max(widths, default=2)))
    return _Lines(paths, labels, names[0] if names else None)
