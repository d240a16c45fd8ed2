"""Folders of images: one for each class, or whatever is below one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from genie_transforms import MissingFileError, UserError

from .reading import read_image
from .source import Ids, Source
from .splits import are_splits, ask_for_split, splits_among

_Inode = tuple[int, int]


class Walk:
    """Finds images below a folder as torchvision's `ImageFolder` does, through links as well.

    Hidden folders are left out, and folders to which a link leads back.

    Args:
        root: The folder.

    Attributes:
        left_out: Counts what is not read, by what it is.
        closed: Folders that cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.left_out: Counter[str] = Counter()
        self.closed: list[str] = []
        self._root = str(root)
        self._above = {_inode(str(folder)) for folder in (root.resolve(), *root.resolve().parents)}

    def classes(self) -> list[str]:
        """Return the names of the folders in the root, sorted."""
        folders = sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir())
        # Not remembered: two classes may be links to one folder.
        return [name for name in folders if self._is_new(self._root, name, self._above)]

    def images(self, below: str = "") -> list[str]:
        """Return the paths of all images below the root, or a folder in it, sorted by folder."""
        top = os.path.join(self._root, below) if below else self._root
        seen, found = self._above | {_inode(top)}, []

        def unreadable(error: OSError) -> None:
            self.left_out[f"folders that cannot be read, such as {error.filename}"] += 1
            self.closed.append(str(error.filename))

        for folder, folders, files in os.walk(top, onerror=unreadable, followlinks=True):
            wanted = []
            for name in sorted(folders):
                if self._is_new(folder, name, seen):
                    wanted.append(name)
                    seen.add(_inode(os.path.join(folder, name)))
            folders[:] = wanted
            found.append((folder, sorted(files)))
        paths = [os.path.join(folder, name) for folder, files in sorted(found) for name in files]
        images = [path for path in paths if path.lower().endswith(IMG_EXTENSIONS)]
        for path in sorted(set(paths).difference(images)):
            suffix = Path(path).suffix.lower()
            self.left_out[f"{suffix} files" if suffix else "files without extension"] += 1
        return images

    def _is_new(self, parent: str, name: str, seen: set[_Inode]) -> bool:
        """Tell whether a folder is to be read; count it if not."""
        if name.startswith("."):
            self.left_out["hidden folders"] += 1
            return False
        if _inode(os.path.join(parent, name)) in seen:
            self.left_out["links to folders that are read already"] += 1
            return False
        return True


class FolderImages:
    """Image files with their labels.

    Args:
        samples: Path and label of each image.
    """

    def __init__(self, samples: Sequence[tuple[str, int]]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        path, label = self.samples[row]
        return read_image(path), label


def open_image_folder(root: Path, what: str) -> Source:
    """Open a folder as torchvision's `ImageFolder` does.

    Raises:
        MissingFileError: There is no folder of a class, or no image.
        UserError: The folders are splits.
    """
    folders = [path.name for path in root.iterdir() if path.is_dir()]
    if are_splits(folders):
        splits = splits_among(folders)
        raise ask_for_split(what, splits, str(root / splits[0]))
    walk = Walk(root)
    classes = walk.classes()
    samples = [(path, label) for label, name in enumerate(classes) for path in walk.images(name)]
    if not samples:
        raise MissingFileError(
            f"{what} has no image in any class folder: it has the folders {classes[:3]}, and "
            f"images end with {', '.join(IMG_EXTENSIONS)}"
        )
    return _source(root, samples, classes, walk)


def open_images(root: Path, what: str) -> Source:
    """Open all images below a folder, whatever their classes are, as one class.

    Raises:
        MissingFileError: There is no such folder, or no image below it.
        UserError: A folder below it cannot be read: nobody knows what is in it.
    """
    if not root.is_dir():
        raise MissingFileError(f"{what}: no such folder")
    walk = Walk(root)
    samples = [(path, 0) for path in walk.images()]
    if walk.closed:
        raise UserError(f"{what}: the folder {walk.closed[0]} cannot be read: make it readable")
    if not samples:
        raise MissingFileError(f"{what}: no images there ({', '.join(IMG_EXTENSIONS)})")
    return _source(root, samples, [root.name], walk)


def _source(
    root: Path, samples: Sequence[tuple[str, int]], classes: list[str], walk: Walk
) -> Source:
    """Return image files as a source; their names are paths below the root."""
    start = os.path.join(str(root), "")
    ids = Ids(len(samples), lambda row: as_text(samples[row][0].removeprefix(start)))
    labels = np.array([label for _, label in samples], dtype=np.int64)
    return Source(FolderImages(samples), classes, labels, ids, "imagefolder", dict(walk.left_out))


def _inode(folder: str) -> _Inode:
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def as_text(path: str) -> str:
    r"""Write bytes that are no UTF-8 as `\xff`: a bank holds text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
