"""Write a bank in layouts that other programs read: folders of images, and WebDataset."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from genie_transforms.format import CLASS_COLUMNS, Row, new_folder

_ROWS_PER_TAR = 10_000


def export_image_folder(rows: Iterable[Row], class_names: Sequence[str], out: Path) -> Path:
    """Write `CLASS/0000012.png` for each row, and `metadata.jsonl` beside the classes.

    torchvision's `ImageFolder` reads the folders. The metadata names classes by their names;
    `datasets.load_dataset("imagefolder", data_dir=out)` reads it.

    Args:
        rows: The rows, such as a bank's.
        class_names: Names of the classes; labels are positions in it.
        out: The new folder.

    Raises:
        ValueError: A class name cannot be the name of a folder.
        FileExistsError: `out` is not empty.
    """
    for name in class_names:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise ValueError(
                f"the class {name!r} cannot be the name of a folder: export to webdataset instead"
            )
    with new_folder(out) as folder, (folder / "metadata.jsonl").open("w") as metadata:
        for name in class_names:
            (folder / name).mkdir()
        for index, blob, columns in _for_export(rows, class_names):
            file = f"{columns['label']}/{index:07d}.{_extension(blob)}"
            (folder / file).write_bytes(blob)
            metadata.write(json.dumps({"file_name": file, **columns}) + "\n")
    return out


def export_webdataset(rows: Iterable[Row], class_names: Sequence[str], out: Path) -> Path:
    """Write `00000.tar` and so on: for each row an image, its label in `.cls`, columns in `.json`.

    The same bank gives the same bytes. Class names are in the `.json` of each row.

    Args:
        rows: The rows, such as a bank's.
        class_names: Names of the classes; labels are positions in it.
        out: The new folder.

    Raises:
        FileExistsError: `out` is not empty.
    """
    with new_folder(out) as folder:
        described = _for_export(rows, class_names)
        for number, part in groupby(described, key=lambda entry: entry[0] // _ROWS_PER_TAR):
            with tarfile.open(folder / f"{number:05d}.tar", "w") as tar:
                for index, blob, columns in part:
                    label = class_names.index(columns["label"])
                    _add(tar, f"{index:09d}.{_extension(blob)}", blob)
                    _add(tar, f"{index:09d}.cls", str(label).encode())
                    _add(tar, f"{index:09d}.json", json.dumps(columns).encode())
    return out


def _for_export(
    rows: Iterable[Row], class_names: Sequence[str]
) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Give number, encoded image and columns of each row, ready for JSON."""
    for index, row in enumerate(rows):
        columns = {name: _for_json(value) for name, value in row.values().items()}
        for name in CLASS_COLUMNS:
            columns[name] = None if columns[name] is None else class_names[columns[name]]
        yield index, row.image_bytes(), columns


def _for_json(value: Any) -> Any:
    """Replace numbers that JSON lacks by null."""
    if isinstance(value, list):
        return [_for_json(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _extension(blob: bytes) -> str:
    """Name the format of an encoded image: such as png or jpg."""
    name = (Image.open(io.BytesIO(blob)).format or "").lower()
    return "jpg" if name == "jpeg" else name


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without owner and time, which would differ from run to run."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
