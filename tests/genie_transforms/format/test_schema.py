from __future__ import annotations

import json
from pathlib import Path

import pytest

from genie_transforms.format import COLUMNS, ROW_COLUMNS, arrow_schema, shard_name
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


def test_a_row_has_every_column() -> None:
    assert {"image", *ROW_COLUMNS} == set(arrow_schema(["cat"]).names)
    assert {"image", *ROW_COLUMNS} > set(COLUMNS)  # those of older banks
    assert [name for name in arrow_schema(CLASSES).names if name in COLUMNS] == list(COLUMNS)
