"""Captions of the source images: from a file, or from BLIP, which writes one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path


def read_captions(path: Path, ids: Sequence[str]) -> list[str]:
    """Read what each image shows.

    Args:
        path: A .json file, `{"dog/1.jpg": "a brown dog on grass"}`, or a .csv file with the columns
            id and caption. It may mention other images.
        ids: The images, as the bank names them: paths below the source's folder, or row numbers.

    Returns:
        A caption for each image, in order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind or shape, captions an image twice, or not at all.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no captions at {path}; --captioner MODEL writes them")
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(f"captions are a .json or .csv file, got {path}")
    known: dict[str, str] = {}
    for name, caption in readers[path.suffix](path):
        if name in known:
            raise ValueError(f"{path} captions {name!r} twice")
        known[name] = " ".join(caption.split())
    missing = [name for name in ids if not known.get(name)]
    if missing:
        raise ValueError(
            f"{path} has no caption for {len(missing)} of {len(ids)} images, such as "
            f"{missing[:3]}; it has {list(known)[:3]}"
        )
    return [known[name] for name in ids]


def _read_json(path: Path) -> Iterable[tuple[str, str]]:
    try:  # as pairs, for a dict would swallow an image that is captioned twice
        pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        match pair:
            case (str(name), str(caption)):
                yield name, caption
            case _:
                raise ValueError(f'{path}: expected {{"image": "caption", …}}, found {pair!r}')


def _read_csv(path: Path) -> Iterable[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"id", "caption"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns id and caption, has {rows.fieldnames}")
        for row in rows:
            yield row["id"], row["caption"] or ""
