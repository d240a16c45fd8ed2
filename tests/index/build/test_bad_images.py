"""Builds with bad files among the good ones, against builds without them."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from genie_transforms import Bank, UserError
from genie_transforms.format import SOURCES
from index.build.open import check_apart, open_build
from index.config import BuildConfig
from index.sources import BadImageError
from index.store import read_table

from . import fake

BAD = {
    "cat/0a.png": b"",
    "cat/z.jpg": b"\xff\xd8\xff",
    "dog/0.jpg": b"not an image",
    "dog/1a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n",
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    fake.install(monkeypatch.setattr)
    return fake.config_of(fake.write_photos(tmp_path / "photos", 3), tmp_path / "bank")


def _write_bad(config: BuildConfig) -> None:
    for name, content in BAD.items():
        (Path(config.source) / name).write_bytes(content)
    os.mkfifo(Path(config.source) / "dog" / "pipe.png")


def _record(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "index" / "bad_images.json").read_text())
    return record


def _rows_of(out: Path) -> dict[str, bytes]:
    """The files in which rows, keys and labels stand."""
    names = ("data-", "embeddings/", SOURCES, "index/centroids", "index/images")
    return {name: data for name, data in fake.files_of(out).items() if name.startswith(names)}


def _keys(out: Path) -> list[tuple[Any, ...]]:
    """Which image of which class became which class; the rest moves with the centroids."""
    names = ["source_id", "source_digest", "source_label", "label"]
    columns = [read_table(out, names)[name].to_pylist() for name in names]
    return list(zip(*columns, strict=True))


def test_bad_files_change_no_row(tmp_path: Path, config: BuildConfig) -> None:
    fake.fake_build(config)
    assert not (config.out / "index" / "bad_images.json").exists()
    _write_bad(config)
    mixed = fake.config_of(Path(config.source), tmp_path / "mixed")
    summary = fake.fake_build(mixed)
    assert _rows_of(mixed.out) == _rows_of(config.out)
    assert len(Bank.open(mixed.out, keep=None)) == 6

    record = _record(mixed.out)
    assert [entry["id"] for entry in record["bad"]] == sorted([*BAD, "dog/pipe.png"])
    assert {entry["class"] for entry in record["bad"]} == {"cat", "dog"}
    assert all(entry["reason"] for entry in record["bad"])
    assert (record["images"], record["left_out"]) == (11, {})
    assert f"bad images   5 of 11 images cannot be used: {mixed.out}" in summary
    assert "cat/0a.png (its content is none of" in summary


def test_a_build_continues_with_the_same_images(tmp_path: Path, config: BuildConfig) -> None:
    _write_bad(config)
    fake.fake_build(config)
    before = fake.files_of(config.out)
    fake.fake_build(config)
    assert fake.files_of(config.out) == before

    Image.new("RGB", (8, 8), (9, 9, 9)).save(Path(config.source) / "cat" / "0a.png")
    fake.fake_build(config)
    fresh = fake.config_of(Path(config.source), tmp_path / "fresh")
    fake.fake_build(fresh)
    assert _keys(config.out) == _keys(fresh.out)
    assert len(_record(config.out)["bad"]) == 4


def test_the_strict_end_at_the_first(config: BuildConfig) -> None:
    _write_bad(config)
    strict = fake.config_of(Path(config.source), config.out, on_bad_image="error")
    with pytest.raises(BadImageError, match=r"cat/0a\.png cannot be used: "):
        fake.fake_build(strict)
    fake.fake_build(config)
    with pytest.raises(BadImageError, match=r"cat/0a\.png cannot be used: "):
        fake.fake_build(strict)


@pytest.mark.parametrize(
    "pairs", ["all", "random:1", "random:2", "nearest:1", "nearest:2", "nearest:9", "confusion:1"]
)
def test_a_class_without_images_keeps_its_number(config: BuildConfig, pairs: str) -> None:
    root = Path(config.source)
    (root / "bee").mkdir()
    (root / "bee" / "a.png").write_bytes(b"")
    (root / "emu").mkdir()
    config = fake.config_of(root, config.out, pairs=pairs)
    fake.fake_build(config)
    bank = Bank.open(config.out, keep=None)
    assert bank.class_names == ["bee", "cat", "dog", "emu"]
    assert sorted(bank.labels.tolist()) == [1, 1, 1, 2, 2, 2]
    only = fake.config_of(root, config.out, only_classes=("bee",))
    with pytest.raises(UserError, match=r"only_classes \['bee'\] have no image that can be used"):
        fake.fake_build(only)


def test_one_class_alone_is_no_source(config: BuildConfig, caplog: Any) -> None:
    for path in (Path(config.source) / "cat").iterdir():
        path.write_bytes(b"")
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UserError, match=r"at least 2 classes need one: cat/0\.png \(its content"),
    ):
        fake.fake_build(config)
    assert "3 of 6 images cannot be used and are left out: cat/0.png" in caplog.text


def test_names_that_mean_something_to_others(tmp_path: Path, config: BuildConfig) -> None:
    root = Path(config.source)
    (root / "cat").rename(root / "a $x^{ cat\nor {so}")
    (root / "dog" / "0.png").rename(root / "dog" / os.fsdecode(b"caf\xe9$\n.png"))
    fake.fake_build(config)
    bank = Bank.open(config.out, keep=None)
    assert bank.class_names == ["a $x^{ cat\nor {so}", "dog"]
    assert len(bank) == 6


@pytest.mark.parametrize("name", ["out", "cache"])
def test_nothing_is_written_among_the_images(config: BuildConfig, name: str) -> None:
    root = Path(config.source)
    inside = replace(config, **{name: root / "cat" / ".." / "bank"})
    with pytest.raises(UserError, match=f"--{name} .* lies within --source"):
        open_build(inside)
    check_apart(config)
