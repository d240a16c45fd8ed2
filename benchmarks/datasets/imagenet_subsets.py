"""mini-ImageNet and tiered-ImageNet in the layouts that few-shot code passes around."""

from __future__ import annotations

import csv
import pickle
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import ImageFolder

from genie_transforms import MissingFileError, MissingPackageError, UserError
from index.sources import folder_to_words, is_wordnet_id

from .listing import Encoded, Listing

_PHASE = {"train": "train_phase_train", "val": "val", "test": "test"}


def open_mini(root: Path, split: str) -> Listing:
    """Read mini-ImageNet from csv and images, a folder, or either of the usual pickles.

    Raises:
        MissingFileError: It has none of these layouts, or an image of the csv is missing.
        UserError: A file holds something else.
    """
    if (cache := root / f"mini-imagenet-cache-{split}.pkl").exists():
        content = _unpickled(cache)
        rows = _need(cache, content, "class_dict")
        images: Sequence[Encoded] = _need(cache, content, "image_data")
        labels = {int(row): name for name, numbers in rows.items() for row in numbers}
        if set(labels) != set(range(len(images))):
            raise UserError(f"{cache}: class_dict and image_data disagree")
        return _listing([labels[row] for row in range(len(images))], images)
    if (cache := root / f"miniImageNet_category_split_{_PHASE[split]}.pickle").exists():
        content = _unpickled(cache)
        numbers = _need(cache, content, "catname2label")
        by_number = {int(number): name for name, number in numbers.items()}
        found = [by_number[int(label)] for label in _need(cache, content, "labels")]
        return _listing(found, _need(cache, content, "data"))
    return _read_files(root, split)


def open_tiered(root: Path, split: str) -> Listing:
    """Read tiered-ImageNet from Ren et al.'s pickles of PNGs, a folder, or csv and images.

    Raises:
        MissingFileError: It has none of these layouts, or an image of the csv is missing.
        UserError: A file holds something else.
    """
    encoded_images, labels = root / f"{split}_images_png.pkl", root / f"{split}_labels.pkl"
    if not (encoded_images.exists() and labels.exists()):
        return _read_files(root, split)
    content = _unpickled(labels)
    names = [str(name) for name in _need(labels, content, "label_specific_str")]
    found = [names[int(label)] for label in _need(labels, content, "label_specific")]
    encoded = [np.asarray(cell, dtype=np.uint8).tobytes() for cell in _unpickled(encoded_images)]
    if len(found) != len(encoded):
        raise UserError(f"{labels} has {len(found)} labels, {encoded_images} {len(encoded)} images")
    return _listing(found, encoded)


def _read_files(root: Path, split: str) -> Listing:
    """Read ROOT/SPLIT.csv with its images, or the folder ROOT/SPLIT."""
    listed = root / f"{split}.csv"
    if listed.exists():
        with listed.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"filename", "label"} <= set(rows.fieldnames or ()):
                raise UserError(f"{listed} needs the columns filename and label")
            pairs = [(row["filename"], row["label"]) for row in rows]
        folder = root / "images" if (root / "images").is_dir() else root
        files = [folder / name for name, _ in pairs]
        missing = [file for file in files if not file.is_file()]
        if missing:
            raise MissingFileError(f"{missing[0]} and {len(missing) - 1} more of {listed}")
        return _listing([label for _, label in pairs], files)
    if not (root / split).is_dir():
        raise MissingFileError(f"{listed.name}, {split}/ or a pickle of the split {split}")
    found = ImageFolder(str(root / split))
    return _listing(
        [found.classes[label] for label in found.targets], [Path(path) for path, _ in found.imgs]
    )


def _listing(labels: Sequence[str], images: Sequence[Encoded]) -> Listing:
    classes = sorted(set(labels))
    numbers = {name: number for number, name in enumerate(classes)}
    return Listing(classes, spoken(classes), [numbers[name] for name in labels], images)


def spoken(classes: Sequence[str]) -> list[str]:
    """Return words for WordNet ids, such as "tench" for n01440764; other names are words already.

    The first word of the synset, or all of them where two classes share the first.

    Raises:
        MissingPackageError: timm, which has the words, is not installed.
        UserError: An id is not one of ILSVRC 2012.
    """
    ids = [name for name in classes if is_wordnet_id(name)]
    words: dict[str, str] = {}
    if ids:
        try:
            from timm.data import ImageNetInfo  # only where it is needed
        except ImportError as error:
            raise MissingPackageError(
                f"{ids[0]} is a WordNet id, and timm has the words for it: pip install timm"
            ) from error

        info = ImageNetInfo("imagenet-1k")
        unknown = sorted(set(ids) - set(info.label_names()))
        if unknown:
            raise UserError(
                f"{unknown[:5]} are not classes of ImageNet (ILSVRC 2012), whose words are known: "
                "call their folders what they show, or give --class-names where there is one"
            )
        words = {name: info.label_name_to_description(name, detailed=False) for name in ids}
    first = {name: words.get(name, folder_to_words(name)).split(",")[0].strip() for name in classes}
    shared = Counter(first.values())
    return [first[name] if shared[first[name]] == 1 else words.get(name, name) for name in classes]


class _Arrays(pickle.Unpickler):
    """Unpickle built-in containers and numpy's arrays, and run nothing else."""

    # The published splits are pickles that people copy from one another: a file may be anybody's.

    def find_class(self, module: str, name: str) -> Any:
        array = re.fullmatch(r"numpy(\.core|\._core)?(\.multiarray|\.numeric)?", module)
        if array and name in ("_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        if (module, name) == ("_codecs", "encode"):  # bytes, in a pickle of Python 2
            return super().find_class(module, name)
        raise ValueError(f"it would run {module}.{name}, which no such file needs")


def _unpickled(path: Path) -> Any:
    """Read a pickle of arrays; text of Python 2 becomes `str`.

    Raises:
        UserError: It is not a pickle, or holds something else.
    """
    try:
        with path.open("rb") as file:
            return _Arrays(file, encoding="latin1").load()
    except (ValueError, pickle.UnpicklingError, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _need(path: Path, content: Any, key: str) -> Any:
    if not isinstance(content, dict) or key not in content:
        found = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path} needs {key!r}, has {found}")
    return content[key]
