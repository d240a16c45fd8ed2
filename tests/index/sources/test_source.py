"""Folders of images as sources."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from genie_transforms import MissingFileError, UserError
from index.sources.source import open_source, source_of


def _save(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (6, 4)).save(path)


def test_a_folder_of_folders(tmp_path: Path) -> None:
    for name in ("owl/b.png", "owl/a.png", "fox/deep/c.png"):
        _save(tmp_path / name)
    _save(tmp_path / "fox/grey.png", "L")
    source = open_source(str(tmp_path))
    assert source.class_names == ["fox", "owl"]
    assert source.ids == ["fox/grey.png", "fox/deep/c.png", "owl/a.png", "owl/b.png"]
    assert source.labels.tolist() == [0, 0, 1, 1]
    assert source.kind == "imagefolder"
    assert (source.image(0).mode, source.image(0).size) == ("RGB", (6, 4))


def test_the_demo_needs_no_folder() -> None:
    source = open_source("")
    assert (source.kind, len(source)) == ("demo", len(source.class_names) * 7)
    assert source.ids[:2] == ["0", "1"]


def test_folders_that_are_no_sources(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="--source /nowhere: no such folder"):
        open_source("/nowhere")
    with pytest.raises(MissingFileError, match=f"--source {tmp_path}: .*any class folder"):
        open_source(str(tmp_path))
    _save(tmp_path / "owl/a.png")
    with pytest.raises(UserError, match=r"one class, \['owl'\]; at least 2 are needed"):
        open_source(str(tmp_path))
    (tmp_path / "fox").mkdir()
    with pytest.raises(MissingFileError, match=f"--source {tmp_path}: .*fox"):
        open_source(str(tmp_path))


class Dataset(list[tuple[Any, int]]):
    """Images with labels, as torchvision has them."""

    def __init__(self, labels: list[int], classes: list[str], image: Any = None) -> None:
        super().__init__((image or Image.new("L", (6, 4)), label) for label in labels)
        self.targets, self.classes = labels, classes


def test_any_dataset_with_classes_and_targets_is_a_source() -> None:
    source = source_of(Dataset([1, 0, 1], ["owl", "fox"]))
    assert (source.ids, source.kind) == (["0", "1", "2"], "dataset")
    assert source.class_names == ["owl", "fox"]
    assert source.labels.tolist() == [1, 0, 1]
    assert source.image(0).mode == "RGB"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ([], "a list as source has no `classes`"),
        (Dataset([0, 0], ["owl"]), "has one class"),
        (Dataset([0, 2], ["owl", "fox"]), r"must lie in \[0, 2\)"),
        (Dataset([0, 1], ["owl", "fox"], image=3), "must return PIL images, got int"),
    ],
)
def test_datasets_that_are_no_sources(dataset: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        source_of(dataset)
