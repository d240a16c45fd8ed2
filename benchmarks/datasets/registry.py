"""The datasets of the paper's tables, and your own folders: images, labels, names and splits.

Nothing is downloaded: what is missing is named, with where to get it and in which layout.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from torchvision import datasets

from genie_transforms import MissingFileError, UserError, source_digest
from index.sources import ClassName, as_rgb

from .imagenet_subsets import open_mini, open_tiered
from .listing import Encoded, Listing
from .readers import SPLITS, read_aircraft, read_arrays, read_cub, read_folder, read_torchvision


@dataclass(frozen=True)
class LabelledSet:
    """One split of a dataset, with the interface of torchvision's.

    Attributes:
        classes: Short names of the C classes, fit for folders; labels are positions in it.
        targets: Labels, N.
        images: N files, arrays ``(H, W, 3)`` uint8, or encoded images.
        names: How prompts speak of each class.
    """

    classes: list[str]
    targets: list[int]
    images: Sequence[Encoded]
    names: list[ClassName]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Labels, ``(N,)`` int64."""
        return np.array(self.targets, dtype=np.int64)

    @cached_property
    def digests(self) -> npt.NDArray[np.bytes_]:
        """Digest of each image's pixels, ``(N,)`` of 32 hexadecimal digits; decodes them all."""
        return np.array([source_digest(self[row][0]) for row in range(len(self))], dtype="S32")

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        """Decode an image, RGB, and return it with its label."""
        encoded = self.images[row]
        if isinstance(encoded, np.ndarray):
            return Image.fromarray(encoded), self.targets[row]
        with Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded) as image:
            return as_rgb(image), self.targets[row]


@dataclass(frozen=True)
class Kind:
    """A dataset that we can open.

    Attributes:
        read: Reads one split below a root.
        layout: Its files below the root.
        where: Where to get it.
        superclass: As in "a type of <superclass>"; "" if it has none.
        splits: Their names.
        needs: Files of each split that must be there; empty if `read` looks for itself.
    """

    read: Callable[[Path, str], Listing]
    layout: str
    where: str
    superclass: str = ""
    splits: tuple[str, ...] = ("train", "test")
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)


def open_dataset(name: str, root: Path, split: str) -> LabelledSet:
    """Open one split of a dataset.

    Args:
        name: One of `DATASETS`.
        root: The folder that holds it.
        split: One of its splits.

    Raises:
        UserError: There is no such dataset or split, or it has fewer than two classes.
        MissingFileError: It is not there; says where to get it and in which layout.
    """
    if name not in DATASETS:
        raise UserError(f"unknown dataset {name!r}; choose among {', '.join(DATASETS)}")
    kind = DATASETS[name]
    if split not in kind.splits:
        raise UserError(f"{name} has no split {split!r}; choose among {', '.join(kind.splits)}")
    # Looked up before reading, because torchvision does not say which file is missing.
    missing = [path for path in kind.needs.get(split, ()) if not (root / path).exists()]
    try:
        listing = None if missing else kind.read(root, split)
    except FileNotFoundError as error:
        missing = [str(error)]
    if missing or listing is None:
        raise MissingFileError(
            f"{name} is not complete below {root}: missing {', '.join(missing)}. The layout is "
            f"{kind.layout}. Get it from {kind.where}"
        )
    if len(listing.classes) < 2:
        raise UserError(f"{name} below {root} has one class, {listing.classes}; 2 are needed")
    names = [ClassName(display, kind.superclass) for display in listing.displays]
    return LabelledSet(listing.classes, listing.targets, listing.images, names)


def open_splits(name: str, root: Path) -> tuple[LabelledSet, LabelledSet]:
    """Open the training and the test split of a dataset; see `open_dataset`.

    Raises:
        UserError: They are the same images, as of a folder that holds one split only.
    """
    train, test = (open_dataset(name, root, split) for split in ("train", "test"))
    if same_images(train, test):
        raise UserError(
            f"{root} is not split, so that its training images would be its test images: move "
            f"some into {root / 'test'}/CLASS, the others into {root / 'train'}/CLASS"
        )
    return train, test


def same_images(first: LabelledSet, second: LabelledSet) -> bool:
    """Return whether both are the same files: a folder without splits has them for each split."""
    files = all(isinstance(image, Path) for image in (*first.images[:1], *second.images[:1]))
    return files and list(first.images) == list(second.images)


def _both(*paths: str, **by_split: str) -> dict[str, tuple[str, ...]]:
    """Return the files that train and test need: the shared ones, and one of each split."""
    return {split: (*paths, by_split[split]) for split in ("train", "test")}


_FASHION = "FashionMNIST/raw"


_CUB = [f"CUB_200_2011/{n}.txt" for n in ("classes", "images", "image_class_labels")]


_AIRCRAFT = "fgvc-aircraft-2013b/data"


DATASETS: dict[str, Kind] = {
    "folder": Kind(
        read_folder,
        "ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg, or ROOT/CLASS/*.jpg",
        "your own images, one folder a class",
        splits=SPLITS,
    ),
    "fashion-mnist": Kind(
        partial(read_arrays, datasets.FashionMNIST),
        f"ROOT/{_FASHION}/train-images-idx3-ubyte and its three companions, unpacked",
        "torchvision.datasets.FashionMNIST(ROOT, download=True), or Debian's dataset-fashion-mnist",
        needs={
            split: tuple(
                f"{_FASHION}/{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")
            )
            for split, part in (("train", "train"), ("test", "t10k"))
        },
    ),
    "cifar10": Kind(
        partial(read_arrays, datasets.CIFAR10),
        "ROOT/cifar-10-batches-py with data_batch_1 to 5, test_batch and batches.meta",
        "torchvision.datasets.CIFAR10(ROOT, download=True)",
        needs=_both(
            "cifar-10-batches-py/batches.meta",
            train="cifar-10-batches-py/data_batch_5",
            test="cifar-10-batches-py/test_batch",
        ),
    ),
    "mini-imagenet": Kind(
        open_mini,
        "ROOT/test.csv (filename,label) with ROOT/images/*.jpg; or ROOT/test/CLASS/*.jpg; or "
        "ROOT/mini-imagenet-cache-test.pkl; or ROOT/miniImageNet_category_split_test.pickle",
        "image-net.org (ILSVRC 2012), with the csv splits of "
        "https://github.com/twitter-research/meta-learning-lstm",
        splits=SPLITS,
    ),
    "tiered-imagenet": Kind(
        open_tiered,
        "ROOT/test_images_png.pkl with ROOT/test_labels.pkl; or ROOT/test/CLASS/*.jpg; or "
        "ROOT/test.csv (filename,label) with ROOT/images/*.jpg",
        "image-net.org (ILSVRC 2012), with the splits of "
        "https://github.com/renmengye/few-shot-ssl-public",
        splits=SPLITS,
    ),
    "cub200": Kind(
        read_cub,
        "ROOT/CUB_200_2011/images/CLASS/*.jpg with images.txt, classes.txt, "
        "image_class_labels.txt and train_test_split.txt beside images",
        "https://www.vision.caltech.edu/datasets/cub_200_2011",
        "bird",
        needs=dict.fromkeys(("train", "test"), (*_CUB, "CUB_200_2011/train_test_split.txt")),
    ),
    "cars196": Kind(
        partial(read_torchvision, datasets.StanfordCars),
        "ROOT/stanford_cars with devkit, cars_train, cars_test and cars_test_annos_withlabels.mat, "
        "as torchvision.datasets.StanfordCars expects it",
        "a copy of Stanford Cars, whose own page is gone (https://github.com/pytorch/vision/issues/7545)",
        "car",
        needs=_both(
            "stanford_cars/devkit/cars_meta.mat",
            train="stanford_cars/devkit/cars_train_annos.mat",
            test="stanford_cars/cars_test_annos_withlabels.mat",
        ),
    ),
    "food101": Kind(
        partial(read_torchvision, datasets.Food101),
        "ROOT/food-101/images/CLASS/*.jpg with ROOT/food-101/meta/*.json",
        "torchvision.datasets.Food101(ROOT, download=True)",
        "food",
        needs=_both(
            "food-101/images", train="food-101/meta/train.json", test="food-101/meta/test.json"
        ),
    ),
    "aircraft": Kind(
        read_aircraft,
        f"ROOT/{_AIRCRAFT}/images/*.jpg with the lists beside images",
        "torchvision.datasets.FGVCAircraft(ROOT, download=True)",
        "aircraft",
        needs=_both(
            f"{_AIRCRAFT}/manufacturers.txt",
            train=f"{_AIRCRAFT}/images_manufacturer_trainval.txt",
            test=f"{_AIRCRAFT}/images_manufacturer_test.txt",
        ),
    ),
}
"""By name; the last four have the superclass that fine-grained prompts need (paper, A.8)."""
