"""Datasets of Hugging Face: which columns are taken, and what is refused."""

import io
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from genie_transforms import MissingPackageError, UserError
from index.sources.dataset import source_of
from index.sources.open import open_source


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 4)).save(file, "PNG")
    return file.getvalue()


def _dataset(**columns: Any) -> datasets.Dataset:
    rows = len(next(iter(columns.values())))
    images = [{"bytes": _png(), "path": None}] * rows
    dataset = datasets.Dataset.from_dict({"image": images, **columns})
    return dataset.cast_column("image", datasets.Image())


def test_numbers_with_names_keep_their_order_and_words_are_sorted() -> None:
    numbers = _dataset(label=[1, 0, 1])
    named = numbers.cast_column("label", datasets.ClassLabel(names=["owl", "fox"]))
    for dataset, names, labels in (
        (named, ["owl", "fox"], [1, 0, 1]),
        (numbers, ["0", "1"], [1, 0, 1]),
        (_dataset(label=["owl", "fox", "owl"]), ["fox", "owl"], [1, 0, 1]),
        (named.select([2, 1]), ["owl", "fox"], [1, 0]),
        (named.rename_column("label", "animal"), ["owl", "fox"], [1, 0, 1]),
        (named.with_format("torch"), ["owl", "fox"], [1, 0, 1]),
    ):
        source = source_of(dataset)
        assert (source.class_names, source.labels.tolist()) == (names, labels)
        assert source.image(0).size == (6, 4)


def test_columns_that_may_be_meant_are_named() -> None:
    two = datasets.ClassLabel(names=["owl", "fox"])
    many = _dataset(fine=[0, 1], coarse=[1, 0]).cast_column("fine", two).cast_column("coarse", two)
    with pytest.raises(UserError, match=r"one column of labels, found \['fine', 'coarse'\]"):
        source_of(many)
    with pytest.raises(UserError, match=r"one column of images, found \[\]"):
        source_of(many.remove_columns("image"))
    with pytest.raises(UserError, match="without gaps"):
        source_of(_dataset(label=[1, 2]))
    with pytest.raises(UserError, match="must be numbers or words"):
        source_of(_dataset(label=[1, None]))


def test_parquet_that_others_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    images: list[pa.Array] = [
        pa.array([_png()] * 2, pa.binary()),
        pa.array([{"bytes": _png(), "path": "a.png"}] * 2),
    ]
    for number, column in enumerate(images):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"image": column, "label": np.array([1, 0])}), path)
        source = open_source(str(path))
        assert (source.labels.tolist(), source.image(0).size) == ([1, 0], (6, 4))


def test_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    _dataset(fine=[1, 0], coarse=["b", "a"]).to_parquet(data / "train.parquet")
    assert open_source(f"hf:{data}:label=coarse").class_names == ["a", "b"]
    for rest, message in (
        (":train:label=size", r"no column 'size': it has \['image', 'fine', 'coarse'\]"),
        (":test", "cannot be opened: .*test"),
        (":train:en", "expected hf:NAME, hf:NAME:SPLIT"),
        ("/nowhere", "cannot be opened"),
    ):
        with pytest.raises(UserError, match=message):
            open_source(f"hf:{data}{rest}")


def test_the_package_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'genie-transforms\[hf\]'"):
        open_source("hf:cifar10")
