"""A folder with one folder of images for each class."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from genie_transforms import MissingFileError

from .reading import read_image
from .source import Ids, Source
from .splits import are_splits, ask_for_split, splits_among

_Inode = tuple[int, int]


class FolderImages:
    """The images that torchvision's `ImageFolder` has, in its order.

    Hidden folders are left out, and folders to which a link leads back.

    Args:
        root: The folder.

    Attributes:
        classes: Names of the folders of classes, sorted.
        samples: Path and label of each image.
        left_out: Counts what is not read, by what it is.
    """

    def __init__(self, root: Path) -> None:
        self.left_out: Counter[str] = Counter()
        self._above = {_inode(str(folder)) for folder in (root.resolve(), *root.resolve().parents)}
        folders = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        # Not remembered: two classes may be links to one folder.
        self.classes = [name for name in folders if self._is_new(str(root), name, self._above)]
        self.samples = [
            (path, label)
            for label, name in enumerate(self.classes)
            for path in self._files(os.path.join(str(root), name))
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        path, label = self.samples[row]
        return read_image(path), label

    def _files(self, top: str) -> list[str]:
        """Return the images of a class, in the order of `ImageFolder`."""
        seen, found = self._above | {_inode(top)}, []

        def unreadable(error: OSError) -> None:
            self.left_out[f"folders that cannot be read, such as {error.filename}"] += 1

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
    folder = FolderImages(root)
    samples = folder.samples
    if not samples:
        raise MissingFileError(
            f"{what} has no image in any class folder: it has the folders {folder.classes[:3]}, "
            f"and images end with {', '.join(IMG_EXTENSIONS)}"
        )
    start = os.path.join(str(root), "")
    ids = Ids(len(samples), lambda row: _as_text(samples[row][0].removeprefix(start)))
    labels = np.array([label for _, label in samples], dtype=np.int64)
    return Source(folder, folder.classes, labels, ids, "imagefolder", dict(folder.left_out))


def _inode(folder: str) -> _Inode:
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def _as_text(path: str) -> str:
    r"""Write bytes that are no UTF-8 as `\xff`: a bank holds text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
