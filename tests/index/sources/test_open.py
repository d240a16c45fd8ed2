"""What a source is known by, and the question which split is meant."""

from pathlib import Path

import pytest
from PIL import Image

from genie_transforms import MissingFileError, UserError
from index.sources.open import open_source
from tests import photos


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _save(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (6, 4)).save(path)


def test_a_folder_of_folders(tmp_path: Path) -> None:
    for name in ("owl/b.png", "owl/a.png", "fox/deep/c.png"):
        _save(tmp_path / name)
    _save(tmp_path / "fox/grey.png", "L")
    source = open_source(str(tmp_path))
    assert source.class_names == ["fox", "owl"]
    assert list(source.ids) == ["fox/grey.png", "fox/deep/c.png", "owl/a.png", "owl/b.png"]
    assert source.labels.tolist() == [0, 0, 1, 1]
    assert source.kind == "imagefolder"
    assert source.image(0).size == (6, 4)


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="--source /nowhere: no such folder or file"):
        open_source("/nowhere")
    with pytest.raises(MissingFileError, match="no such folder or file"):
        open_source(str(tmp_path / "*.tar"))
    with pytest.raises(
        MissingFileError, match=f"--source {tmp_path} has no image in any class folder"
    ):
        open_source(str(tmp_path))
    _save(tmp_path / "owl/a.png")
    with pytest.raises(UserError, match=r"one class, \['owl'\]; at least 2 are needed"):
        open_source(str(tmp_path))
    (tmp_path / "fox").mkdir()
    with pytest.raises(UserError, match=r"no image of 1 of its 2 classes, such as \['fox'\]"):
        open_source(str(tmp_path))
    with pytest.raises(UserError, match=r"of no known kind: .*end with \.parquet, \.tar, \.txt"):
        open_source(str(tmp_path / "owl/a.png"))
    with pytest.raises(UserError, match="--image-root x is for lists of images"):
        open_source(str(tmp_path), "x")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train/owl/a", "test/owl/a"], "train and test"),
        (["Train/owl/a", "val/owl/a", "devkit/a"], "Train and val"),
        (["training/owl/a", "validation/owl/a"], "training and validation"),
        (["train/owl/a"], "train"),
        (["data-train-0.tar", "data-val-0.tar"], "train and val"),
        (["train-00000.parquet", "test.parquet", "README.md"], "train and test"),
        (["dataset_dict.json", "train/state.json", "test/state.json"], "test and train"),
    ],
)
def test_splits_are_asked_about(tmp_path: Path, names: list[str], splits: str) -> None:
    for name in names:
        _touch(tmp_path / name)
    with pytest.raises(UserError) as raised:
        open_source(str(tmp_path))
    assert f"{tmp_path} holds {splits}, which are splits" in str(raised.value)
    assert "did you mean --source" in str(raised.value)
    assert "rain" in str(raised.value).split("did you mean")[1].split("?")[0]


def test_trains_may_be_a_class(tmp_path: Path) -> None:
    for name in ("train/a.png", "plane/a.png", "test_tube/a.png"):
        _save(tmp_path / name)
    assert open_source(str(tmp_path)).class_names == ["plane", "test_tube", "train"]


def test_shards_are_named_by_a_range_or_a_pattern(tmp_path: Path) -> None:
    photos.write_shards(photos.write_images(tmp_path / "photos"), tmp_path / "shards")
    for pattern in ("photos-{0000..0001}.tar", "*.tar"):
        assert len(open_source(f"{tmp_path}/shards/{pattern}")) == len(photos.FILES)
    with pytest.raises(MissingFileError, match=r"there is no .*photos-0002\.tar"):
        open_source(f"{tmp_path}/shards/photos-{{0000..0002}}.tar")
