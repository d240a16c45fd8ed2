"""Folders of images as sources."""

from pathlib import Path

import pytest
from PIL import Image

from genie_transforms import MissingFileError, UserError
from index.sources.source import open_source


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
