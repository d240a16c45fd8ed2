"""Write a bank in layouts that other programs read: folders of images, and WebDataset."""

from __future__ import annotations

import io
import json
import logging
import math
import os
import tarfile
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from genie_transforms._errors import UserError
from genie_transforms.format import (
    CLASS_COLUMNS,
    EXPORTED,
    EXPORTED_SOURCES,
    NONE_OF_THEM,
    Exported,
    Manifest,
    Row,
    exported_judgement,
    judge_names,
    new_folder,
    open_image,
)

logger = logging.getLogger("genie.bank")

_METADATA = "metadata.jsonl"
_ROWS_PER_TAR = 10_000
_MAX_NAME_BYTES = 255  # of the usual file systems


def export_image_folder(rows: Iterable[Row], bank: Path, manifest: Manifest, out: Path) -> Path:
    """Write `CLASS/0000012.png` for each row, and `metadata.jsonl` beside the classes.

    torchvision's `ImageFolder` reads the folders, and numbers classes by their sorted names. There
    is a folder for a class without rows, too, or the numbers would be others; `ImageFolder` then
    needs `allow_empty=True`, which a warning says. The metadata has the columns of each row, with
    classes by their names; `datasets.load_dataset("imagefolder", data_dir=out)` reads it.

    Args:
        rows: The rows, such as a bank's; they are read one at a time.
        bank: The folder of the bank.
        manifest: What it says of itself.
        out: The new folder.

    Returns:
        `out`.

    Raises:
        UserError: A class name cannot be the name of a folder.
        FolderInUseError: `out` is not empty.
        BankFormatError: An image is neither PNG nor JPEG.
    """
    class_names = manifest.class_names
    judged = map(exported_judgement, judge_names(bank))
    names = Counter([_METADATA, EXPORTED, EXPORTED_SOURCES, *judged, *class_names])
    for name in class_names:
        if names[name] > 1 or not _can_be_folder(name):
            raise UserError(
                f"the class {name[:200]!r} cannot be the name of a folder of its own: export to "
                f"webdataset instead"
            )
    counts = [0] * len(class_names)
    with new_folder(out) as folder:
        for name in class_names:
            (folder / name).mkdir()
        with (folder / _METADATA).open("w", encoding="utf-8") as metadata:
            for index, row in enumerate(rows):
                blob = row.image_bytes()
                file = f"{class_names[row.label]}/{index:07d}.{_extension(blob)}"
                (folder / file).write_bytes(blob)
                entry = {"file_name": file, **_described(row, class_names)}
                metadata.write(json.dumps(entry) + "\n")
                counts[row.label] += 1
        Exported.write(folder, "imagefolder", sum(counts), bank, manifest)
    if 0 in counts:
        logger.warning(
            "%d of %d classes have no rows in %s: torchvision reads it as "
            "ImageFolder(%r, allow_empty=True)", counts.count(0), len(counts), out, str(out)
        )  # fmt: skip
    return out


def export_webdataset(rows: Iterable[Row], bank: Path, manifest: Manifest, out: Path) -> Path:
    """Write `00000.tar` and so on: for each row an image, its label in `.cls`, columns in `.json`.

    The same bank gives the same bytes. Class names are in the `.json` of each row.

    Args:
        rows: The rows, such as a bank's; they are read one at a time.
        bank: The folder of the bank.
        manifest: What it says of itself.
        out: The new folder.

    Returns:
        `out`.

    Raises:
        FolderInUseError: `out` is not empty.
        BankFormatError: An image is neither PNG nor JPEG.
    """
    class_names, num_rows = manifest.class_names, 0
    with new_folder(out) as folder:
        parts = groupby(enumerate(rows), key=lambda numbered: numbered[0] // _ROWS_PER_TAR)
        for number, part in parts:
            with tarfile.open(folder / f"{number:05d}.tar", "w") as tar:
                for index, row in part:
                    blob = row.image_bytes()
                    columns = json.dumps(_described(row, class_names))
                    _add(tar, f"{index:09d}.{_extension(blob)}", blob)
                    _add(tar, f"{index:09d}.cls", str(row.label).encode())
                    _add(tar, f"{index:09d}.json", columns.encode())
                    num_rows += 1
        Exported.write(folder, "webdataset", num_rows, bank, manifest)
    return out


def _can_be_folder(name: str) -> bool:
    """Tell whether a folder can have this name, on the usual systems."""
    try:
        size = len(os.fsencode(name))
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return name not in ("", ".", "..") and not set(name) & set("/\\\0") and size <= _MAX_NAME_BYTES


def _described(row: Row, class_names: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a row, ready for JSON, with classes by their names.

    Those of judges and people are among them, for whoever reads: `judgements-NAME.arrow` has them
    as they are. What a judge takes for none of the classes is null, as what it has not seen.
    """
    given = {**row.values(), **row.judgements}
    columns = {name: _for_json(value) for name, value in given.items()}
    for name in (*CLASS_COLUMNS, *(name for name in row.judgements if name.endswith("_class"))):
        known = columns[name] is not None and columns[name] != NONE_OF_THEM
        columns[name] = class_names[columns[name]] if known else None
    return columns


def _for_json(value: Any) -> Any:
    """Replace numbers that JSON lacks by null."""
    if isinstance(value, list):
        return [_for_json(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _extension(blob: bytes) -> str:
    """Return the format of an encoded image as a file's extension, such as "png" or "jpg"."""
    return "png" if open_image(blob).format == "PNG" else "jpg"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without owner and time, which would differ from run to run."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
