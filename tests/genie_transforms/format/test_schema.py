from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import BankFormatError, UnfinishedBankError
from genie_transforms.format.manifest import FORMAT_VERSION, MANIFEST, Manifest
from genie_transforms.format.schema import arrow_schema, shard_name
from tests.banks import CLASSES, write_bank


def test_shard_names_sort_like_their_numbers() -> None:
    assert shard_name(3, 42) == "data-00003-of-00042.arrow"
    names = [shard_name(index, 200) for index in range(200)]
    assert names == sorted(names)


def test_schema_holds_the_features_of_datasets() -> None:
    info = json.loads(arrow_schema(CLASSES).metadata[b"huggingface"])["info"]["features"]
    assert info["label"] == {"names": list(CLASSES), "_type": "ClassLabel"}
    assert info["image"] == {"_type": "Image"}
    assert info["on_target"] == {"dtype": "bool", "_type": "Value"}
    assert info["projections"]["feature"]["dtype"] == "float32"
    assert "sweep" not in info
    assert "sweep" in arrow_schema(CLASSES, keep_sweep=True).names


def test_datasets_understands_the_features(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = write_bank(tmp_path, num_shards=1) / shard_name(0, 1)
    table = datasets.Dataset.from_file(str(path))
    assert table.features["label"].names == list(CLASSES)
    assert table[0]["image"].size == (16, 16)
    assert table[3]["noise_ratios"] == pytest.approx([0.5, 0.7, 0.9])


def test_manifest_round_trip(tmp_path: Path) -> None:
    manifest = Manifest.read(write_bank(tmp_path))
    assert manifest.format_version == FORMAT_VERSION
    assert manifest.class_names == list(CLASSES)
    assert (tmp_path / MANIFEST).read_text() == manifest.to_json()


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m index\.build"):
        Manifest.read(tmp_path / "none")
    with pytest.raises(UnfinishedBankError, match=r"has no genie\.json"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 1'])
def test_damaged_manifests(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(BankFormatError, match="is damaged"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(("version", "advice"), [(2, "upgrade"), (0, "rebuild")])
def test_other_versions(tmp_path: Path, version: Any, advice: str) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"format_version": version}))
    with pytest.raises(BankFormatError, match=f"format version {version}, .* reads 1: {advice}"):
        Manifest.read(tmp_path)
