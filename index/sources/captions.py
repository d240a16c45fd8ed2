"""Captions of the source images, read from a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from genie_transforms import MissingFileError, UserError

from .tables import read_mapping


def read_captions(
    path: Path, ids: Sequence[str], is_bad: Callable[[int], bool] | None = None
) -> list[str]:
    """Read what each image shows.

    Args:
        path: A .json file, `{"dog/1.jpg": "a brown dog on grass"}`, or a .csv file with the columns
            id and caption. It may mention other images.
        ids: The images, as the bank names them: paths below the source's folder, or row numbers.
        is_bad: Tells of an image, by its place, that it cannot be used and needs no caption.

    Returns:
        A caption for each image, in order, on one line; "" for a bad one that has none.

    Raises:
        MissingFileError: There is no such file.
        UserError: The file is of another kind or shape, captions an image twice, or not at all.
    """
    if not path.is_file():
        raise MissingFileError(f"no captions at {path}; --captioner MODEL writes them")
    table = read_mapping(path, "id", ["caption"])
    captions = {name: " ".join(entry["caption"].split()) for name, entry in table.items()}
    missing = [
        name
        for place, name in enumerate(ids)
        if not captions.get(name) and not (is_bad is not None and is_bad(place))
    ]
    if missing:
        raise UserError(
            f"{path} has no caption for {len(missing)} of {len(ids)} images, such as "
            f"{missing[:3]}; it has {list(captions)[:3]}"
        )
    return [captions.get(name, "") for name in ids]
