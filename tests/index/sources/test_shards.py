"""WebDataset shards."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_transforms import Bank, UserError
from index.sources.open import open_source
from index.sources.shards import open_shards
from tests import photos
from tests.banks import CLASSES, write_bank
from tests.photos import add_text


def _shard(path: Path, labels: dict[str, str], mode: str = "w") -> Path:
    """Write one image for each sample, and files with the given text."""
    Image.new("RGB", (6, 4)).save(path.with_suffix(".png"))
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, text in labels.items():
            tar.add(path.with_suffix(".png"), f"{name.partition('.')[0]}.png")
            add_text(tar, name, text)
    return path


def test_images_are_read_from_the_middle_of_tars(tmp_path: Path) -> None:
    root = photos.write_images(tmp_path / "photos")
    source = open_source(str(photos.write_shards(root, tmp_path / "shards")))
    assert source.class_names == list(photos.CLASSES)
    assert source.labels.tolist() == [label for _, label in photos.FILES]
    assert source.ids[4] == "photos-0001.tar/owl-deep"
    for row, (name, _) in enumerate(photos.FILES):
        expected = np.asarray(Image.open(root / name).convert("RGB"))
        assert np.array_equal(np.asarray(source.image(row).convert("RGB")), expected)


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ({"a.cls": "1\n", "b.cls": "0"}, ["0", "1"], [1, 0]),
        ({"a.cls": "owl", "b.cls": "fox"}, ["fox", "owl"], [1, 0]),
        ({"a.json": '{"label": 1}', "b.json": '{"label": 0}'}, ["0", "1"], [1, 0]),
        ({"a.json": '{"class": "owl"}', "d/b.json": '{"class": "fox"}'}, ["fox", "owl"], [1, 0]),
    ],
)
def test_labels(
    tmp_path: Path, labels: dict[str, str], names: list[str], expected: list[int]
) -> None:
    source = open_source(str(_shard(tmp_path / "0.tar", labels)))
    assert (source.class_names, source.labels.tolist()) == (names, expected)


def test_a_bank_that_was_exported_is_a_source(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"), keep=None)
    source = open_source(str(bank.export(tmp_path / "tars", "webdataset")))
    assert source.class_names == list(CLASSES)
    assert source.labels.tolist() == [row.label for row in bank]


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"0\.tar: a has no label"):
        open_source(str(_shard(tmp_path / "0.tar", {"a.json": "{}", "b.cls": "1"})))
    with pytest.raises(UserError, match=r"a\.json is not JSON"):
        open_source(str(_shard(tmp_path / "0.tar", {"a.json": "{"})))
    with pytest.raises(UserError, match="as an uncompressed tar"):
        open_source(str(_shard(tmp_path / "0.tar", {"a.cls": "1"}, "w:gz")))
    with tarfile.open(tmp_path / "1.tar", "w") as tar:
        add_text(tar, "a.cls", "1")
    with pytest.raises(UserError, match=r"a has \['cls'\], where one image is needed"):
        open_source(str(tmp_path / "1.tar"))


def test_shards_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    files = [_shard(tmp_path / at / "0.tar", {"a.cls": "0", "b.cls": "1"}) for at in "ab"]
    with pytest.raises(UserError, match=r"has several shards 0\.tar"):
        open_shards(files, "it")
