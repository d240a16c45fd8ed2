from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import BankFormatError, BankNotFoundError, UnfinishedBankError
from genie_transforms.format import MANIFEST, Manifest, bank_files
from genie_transforms.format.manifest import FORMAT_VERSION
from tests.banks import CLASSES, write_bank


def test_manifest_round_trip(tmp_path: Path) -> None:
    manifest = Manifest.read(write_bank(tmp_path))
    assert manifest.format_version == FORMAT_VERSION
    assert manifest.class_names == list(CLASSES)
    assert (tmp_path / MANIFEST).read_text() == manifest.to_json()


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(BankNotFoundError, match=r"python -m index\.build"):
        Manifest.read(tmp_path / "none")
    with pytest.raises(UnfinishedBankError, match=r"has no genie\.json"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format_version": 1', '{"format_version": "one"}']
)
def test_damaged_manifests(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(BankFormatError, match="is damaged"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(("version", "advice"), [(2, "upgrade"), (0, "rebuild")])
def test_other_versions(tmp_path: Path, version: Any, advice: str) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"format_version": version}))
    with pytest.raises(BankFormatError, match=f"format version {version}, .* reads 1: {advice}"):
        Manifest.read(tmp_path)


def test_a_missing_folder_is_also_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Manifest.read(tmp_path / "none")


def test_unknown_keys_are_ignored_and_missing_ones_named(tmp_path: Path) -> None:
    manifest = Manifest.read(write_bank(tmp_path))
    content = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**content, "judgements": []}))
    assert Manifest.read(tmp_path) == manifest
    del content["shards"], content["counts"]
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BankFormatError, match=r"lacks counts, shards"):
        Manifest.read(tmp_path)


def test_files_of_a_bank(tmp_path: Path) -> None:
    manifest = Manifest.read(write_bank(tmp_path))
    for name in ("index/a/b.npy", "stats/00000.json", "embeddings/00000.arrow", "decoded/x.npy"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "build.json").touch()
    assert sorted(bank_files(tmp_path, manifest)) == [
        "build.json",
        "data-00000-of-00002.arrow",
        "data-00001-of-00002.arrow",
        "dataset_info.json",
        "embeddings/00000.arrow",
        "genie.json",
        "index/a/b.npy",
        "state.json",
        "stats/00000.json",
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("class_names", ["cat", 1], "class_names must be a list of texts"),
        ("class_names", "cat", "class_names must be a list of texts"),
        ("class_names", ["crane", "dog", "crane"], "class_names has 'crane' twice"),
        ("recipe", [], "recipe must be an object"),
        ("counts", {"rows": -1}, "counts must be an object of whole numbers"),
        ("counts", {"rows": True}, "counts must be an object of whole numbers"),
        ("shards", {}, "shards must be a list"),
        ("sources", [], "sources must have images and sha256"),
        ("sources", {"images": -1, "sha256": "0" * 64}, "sources must have images and sha256"),
        ("format_version", True, "no format_version"),
        ("format_version", float("inf"), "no format_version"),
    ],
)
def test_types_and_ranges(tmp_path: Path, key: str, value: Any, message: str) -> None:
    write_bank(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**content, key: value}))
    with pytest.raises(BankFormatError, match=message):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../data-00000-of-00002.arrow"}, r"shards\[1\] has the name '\.\./data"),
        ({"name": "/data-00000-of-00002.arrow"}, "must be like data-00000-of-00042"),
        ({"name": "data-00000-of-00002.arrow\n"}, "must be like data-00000-of-00042"),
        ({"name": "data-0000٠-of-00002.arrow"}, "must be like data-00000-of-00042"),
        ({"name": "data-00000-of-00002.arrow"}, "is listed twice"),
        ({"rows": -1}, "must have rows and sha256"),
        ({"rows": 2**63}, "rows"),
        ({"rows": 1.0}, "must have rows and sha256"),
        ({"sha256": "0" * 63}, "must have rows and sha256"),
        ({"sha256": None}, "must have rows and sha256"),
    ],
)
def test_entries_of_shards(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_bank(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    content["shards"][1].update(change)
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BankFormatError, match=message):
        Manifest.read(tmp_path)
