"""Small copies of every layout, written as their publishers do, and read again."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmarks.datasets.registry import (
    DATASETS,
    LabelledSet,
    open_dataset,
    open_splits,
    same_images,
)
from genie_transforms import UserError
from index.sources.class_names import ClassName
from index.sources.templates import make_prompts

GREEN, RED = (0, 200, 0), (200, 0, 0)


def paint(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), colour).save(path)


def colour(data: LabelledSet, row: int) -> tuple[int, ...]:
    """Round the colour of a image, which JPEG has moved a little."""
    return tuple(np.asarray(data[row][0]).mean((0, 1)).round(-1).astype(int).tolist())


def table(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_cub(root: Path) -> None:
    base = root / "CUB_200_2011"
    files = ["001.Black_footed_Albatross/a.jpg", "002.Laysan_Albatross/b.jpg"]
    files += ["001.Black_footed_Albatross/c.jpg"]
    for file, painted in zip(files, (GREEN, RED, RED), strict=True):
        paint(base / "images" / file, painted)
    table(base / "images.txt", *(f"{k + 1} {file}" for k, file in enumerate(files)))
    table(base / "classes.txt", "1 001.Black_footed_Albatross", "2 002.Laysan_Albatross")
    table(base / "image_class_labels.txt", "1 1", "2 2", "3 1")
    table(base / "train_test_split.txt", "1 1", "2 1", "3 0")


def write_cars(root: Path) -> None:
    base = root / "stanford_cars"
    (base / "devkit").mkdir(parents=True)
    names = np.array(["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012"], dtype=object)
    savemat(base / "devkit" / "cars_meta.mat", {"class_names": names})
    for part, file in (
        ("train", "devkit/cars_train_annos"),
        ("test", "cars_test_annos_withlabels"),
    ):
        dtype = [("fname", object), ("class", object)]
        cells = np.array([("00001.jpg", 2), ("00002.jpg", 1)], dtype=dtype)
        savemat(base / f"{file}.mat", {"annotations": cells})
        paint(base / f"cars_{part}" / "00001.jpg", RED)
        paint(base / f"cars_{part}" / "00002.jpg", GREEN)


def write_food(root: Path) -> None:
    base = root / "food-101"
    for part in ("train", "test"):
        listed = {"apple_pie": [f"apple_pie/{part}"], "waffles": [f"waffles/{part}"]}
        table(base / "meta" / f"{part}.json", json.dumps(listed))
        paint(base / "images" / "apple_pie" / f"{part}.jpg", GREEN)
        paint(base / "images" / "waffles" / f"{part}.jpg", RED)


def write_aircraft(root: Path) -> None:
    base = root / "fgvc-aircraft-2013b" / "data"
    table(base / "manufacturers.txt", "Boeing", "McDonnell Douglas")
    for part in ("trainval", "test"):
        table(base / f"images_manufacturer_{part}.txt", "0034 McDonnell Douglas", "0035 Boeing")
    paint(base / "images" / "0034.jpg", RED)
    paint(base / "images" / "0035.jpg", GREEN)


SUPERCLASS: dict[str, tuple[Callable[[Path], None], list[str], list[int], str]] = {
    "cub200": (
        write_cub, ["Black footed Albatross", "Laysan Albatross"], [0, 1],
        "A photo of a Black footed Albatross, a type of bird",
    ),
    "cars196": (
        write_cars, ["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012"], [1, 0],
        "A photo of a AM General Hummer SUV 2000, a type of car",
    ),
    "food101": (
        write_food, ["apple pie", "waffles"], [0, 1],
        "A photo of a apple pie, a type of food",
    ),
    "aircraft": (
        write_aircraft, ["Boeing", "McDonnell Douglas"], [1, 0],
        "A photo of a Boeing, a type of aircraft",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SUPERCLASS)
def test_fine_grained_datasets(name: str, tmp_path: Path) -> None:
    write, displays, labels, prompt = SUPERCLASS[name]
    write(tmp_path)
    train, test = (open_dataset(name, tmp_path, split) for split in ("train", "test"))
    assert [shown.display for shown in train.names] == displays
    assert train.targets == labels
    assert train.labels.dtype == np.int64
    # The first class is painted green, the second red, in every training split.
    for row, label in enumerate(labels):
        assert colour(train, row) == (GREEN, RED)[label]
        assert train[row][1] == label
    template = "A photo of a {target}, a type of {superclass}"
    assert make_prompts(template, train.names)[0] == prompt
    assert not any("/" in short for short in train.classes)
    assert test.classes == train.classes
    if name == "cub200":
        assert test.targets == [0]
        assert colour(test, 0) == RED
    if name == "food101":
        assert not set(test.images) & set(train.images)


def png(painted: tuple[int, int, int]) -> np.ndarray:
    file = io.BytesIO()
    Image.new("RGB", (12, 10), painted).save(file, "png")
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def csv_and_images(root: Path) -> None:
    paint(root / "images" / "n0211454800000001.jpg", RED)
    paint(root / "images" / "n0153282900000001.jpg", GREEN)
    rows = ("n0211454800000001.jpg,n02114548", "n0153282900000001.jpg,n01532829")
    table(root / "test.csv", "filename,label", *rows)


def folder(root: Path) -> None:
    paint(root / "test" / "n01532829" / "1.jpg", GREEN)
    paint(root / "test" / "n02114548" / "1.jpg", RED)


def mini_cache(root: Path) -> None:
    images = np.array([RED, GREEN, RED], dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    content = {"image_data": images, "class_dict": {"n01532829": [1], "n02114548": [0, 2]}}
    # As Python 2 wrote them.
    (root / "mini-imagenet-cache-test.pkl").write_bytes(pickle.dumps(content, protocol=2))


def mini_category(root: Path) -> None:
    images = np.array([RED, GREEN], dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    numbers = {"n01532829": 81, "n02114548": 80}
    content = {"data": images, "labels": [80, 81], "catname2label": numbers}
    path = root / "miniImageNet_category_split_test.pickle"
    path.write_bytes(pickle.dumps(content, protocol=5))


def tiered(root: Path) -> None:
    names = ["white wolf, Arctic wolf", "house finch, linnet, Carpodacus mexicanus"]
    labels = {"label_specific": np.array([0, 1]), "label_specific_str": names}
    (root / "test_labels.pkl").write_bytes(pickle.dumps(labels, protocol=2))
    (root / "test_images_png.pkl").write_bytes(pickle.dumps([png(RED), png(GREEN)], protocol=2))


IMAGENET = {
    "csv": ("mini-imagenet", csv_and_images),
    "folder": ("mini-imagenet", folder),
    "cache": ("mini-imagenet", mini_cache),
    "category": ("mini-imagenet", mini_category),
    "pickled PNGs": ("tiered-imagenet", tiered),
    "tiered csv": ("tiered-imagenet", csv_and_images),
}


@pytest.mark.parametrize("layout", IMAGENET)
def test_imagenet_subsets(layout: str, tmp_path: Path) -> None:
    name, write = IMAGENET[layout]
    write(tmp_path)
    data = open_dataset(name, tmp_path, "test")
    assert [shown.display for shown in data.names] == ["house finch", "white wolf"]
    for row in range(len(data)):
        assert colour(data, row) == (GREEN, RED)[data.targets[row]]
    with pytest.raises(FileNotFoundError, match=r"missing .*train.*image-net\.org"):
        open_dataset(name, tmp_path, "train")


def test_classes_with_the_same_first_word_get_all_of_theirs(tmp_path: Path) -> None:
    for name in ("n03710637", "n03710721", "n04356056"):  # maillot, twice, and sunglasses
        paint(tmp_path / "test" / name / "1.jpg", RED)
    data = open_dataset("mini-imagenet", tmp_path, "test")
    shown = [name.display for name in data.names]
    assert shown == ["maillot", "maillot, tank suit", "sunglasses"]
    paint(tmp_path / "test" / "n99999999" / "1.jpg", RED)
    with pytest.raises(ValueError, match=r"\['n99999999'\] are not classes of ImageNet"):
        open_dataset("mini-imagenet", tmp_path, "test")


def test_a_folder_may_be_split_or_whole(tmp_path: Path) -> None:
    for part in ("train", "test"):
        paint(tmp_path / "split" / part / "tabby_cat" / "1.jpg", GREEN)
        paint(tmp_path / "split" / part / "dog" / "1.png", RED)
    split = open_dataset("folder", tmp_path / "split", "test")
    assert split.names == [ClassName("dog"), ClassName("tabby cat")]
    assert [colour(split, row) for row in range(2)] == [RED, GREEN]
    with pytest.raises(FileNotFoundError, match="val"):
        open_dataset("folder", tmp_path / "split", "val")
    whole = open_dataset("folder", tmp_path / "split" / "train", "test")
    assert whole.classes == ["dog", "tabby_cat"]


def test_a_folder_without_splits_is_not_tested_on_its_training_images(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        paint(tmp_path / name / "1.png", RED)
    with pytest.raises(UserError, match="is not split, so that its training images would be"):
        open_splits("folder", tmp_path)
    whole = open_dataset("folder", tmp_path, "train")
    assert same_images(whole, open_dataset("folder", tmp_path, "test"))
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            paint(tmp_path / "parted" / split / name / "1.png", RED)
    train, test = open_splits("folder", tmp_path / "parted")
    assert len(train) == len(test) == 2
    assert not same_images(train, test)


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_missing_is_named_with_where_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        open_dataset(name, tmp_path / "nowhere", "test")
    message = str(caught.value)
    assert message.startswith(f"{name} is not complete below {tmp_path / 'nowhere'}: missing ")
    assert DATASETS[name].layout in message
    assert DATASETS[name].where in message


def test_wrong_settings_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown dataset 'cub'; choose among folder"):
        open_dataset("cub", tmp_path, "test")
    with pytest.raises(ValueError, match="cub200 has no split 'val'; choose among train, test"):
        open_dataset("cub200", tmp_path, "val")
    paint(tmp_path / "dogs" / "dog" / "1.png", RED)
    with pytest.raises(ValueError, match=r"has one class, \['dog'\]"):
        open_dataset("folder", tmp_path / "dogs", "test")
    csv_and_images(tmp_path)
    (tmp_path / "images" / "n0153282900000001.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"n0153282900000001\.jpg and 0 more"):
        open_dataset("mini-imagenet", tmp_path, "test")


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return open, ("/tmp/never",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mini-imagenet-cache-test.pkl"
    path.write_bytes(pickle.dumps({"image_data": Bomb(), "class_dict": {}}))
    with pytest.raises(ValueError, match=r"cannot be read: it would run .*open"):
        open_dataset("mini-imagenet", tmp_path, "test")
    path.write_bytes(pickle.dumps({"images": 1}))
    with pytest.raises(ValueError, match="needs 'class_dict', has \\['images'\\]"):
        open_dataset("mini-imagenet", tmp_path, "test")


def test_fashion_mnist_is_read_from_its_files(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels, labels = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251, [9, 0, 9]
    for part in ("train", "t10k"):
        header = np.array([0x803, 3, 28, 28], dtype=">i4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.astype(np.uint8).tobytes())
        header = np.array([0x801, 3], dtype=">i4").tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(labels))
    data = open_dataset("fashion-mnist", tmp_path, "test")
    assert (len(data), data.targets) == (3, labels)
    assert (data.classes[0], data.names[0].display) == ("T-shirt-top", "T-shirt top")
    image, label = data[1]
    assert (image.mode, label) == ("RGB", 0)
    assert np.array_equal(np.asarray(image), np.repeat(pixels[1][..., None], 3, 2))
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="missing FashionMNIST/raw/t10k-labels"):
        open_dataset("fashion-mnist", tmp_path, "test")
