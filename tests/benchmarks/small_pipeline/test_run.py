"""Which images a small pipeline learns from, and what it says of them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import FashionMNIST

from benchmarks.datasets import LabelledSet, images_digest, open_dataset
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail
from benchmarks.small_pipeline.config import SmallPipelineConfig
from benchmarks.small_pipeline.run import learned_rows, main, shown_rows, split_rows
from genie_transforms import UserError
from index.diffusion import load_family
from index.sources import ClassName
from tests.benchmarks.painted import LARGEST, tiny_pipeline


def _levels(count: int, classes: int) -> LabelledSet:
    """`count` images of each class, each of a level of its own."""
    values = np.arange(count * classes)
    images = [np.full((2, 2, 3), (k % 256, k // 256 % 256, k // 65536), np.uint8) for k in values]
    names = [f"class {k}" for k in range(classes)]
    return LabelledSet(names, (values // count).tolist(), images, [ClassName(n) for n in names])


def _config(**changes: Any) -> SmallPipelineConfig:
    common = {"data": "fashion-mnist", "root": Path(), "out": Path(), "work": Path()}
    return SmallPipelineConfig(**{**common, **changes})


@pytest.mark.parametrize("seed", [0, 3])
def test_a_generator_of_the_closed_world_sees_the_rows_of_the_classifier(seed: int) -> None:
    train, test = _levels(1001, 10), _levels(1, 10)
    config = _config(half="classifier", largest=500, imbalance=100.0, seed=seed)
    rows, _ = split_rows(config, train, test)
    learned = learned_rows(config, train, rows)
    tail = open_long_tail(
        LongTailConfig(data="fashion-mnist", arms=("none",)), train, test, seed=seed
    )
    assert len(learned) == 1242  # 500, 300, 180, 108, 65, 39, 23, 14, 8 and 5
    assert np.array_equal(learned, tail.rows)
    # Batches see every class as often, and of a class every image as often, up to one.
    shown = shown_rows(config, train, learned)
    assert np.bincount(train.labels[shown]).tolist() == [500] * 10
    times = np.bincount(shown, minlength=len(train))
    assert set(np.flatnonzero(times)) == set(learned)
    for label, size in enumerate(tail.counts.tolist()):
        of_class = times[learned[train.labels[learned] == label]]
        assert sorted(set(of_class.tolist())) == sorted({500 // size, -(-500 // size)})


def test_what_is_left_out_is_neither_learned_from_nor_measured_on() -> None:
    train, test = _levels(9, 4), _levels(3, 4)
    rows, everything = split_rows(_config(half="generator"), train, test)
    assert np.bincount(train.labels[learned_rows(_config(), train, rows)]).tolist() == [5] * 4
    config = _config(half="generator", leave_out=("class 1", "class 3"))
    rows, tested = split_rows(config, train, test)
    learned = learned_rows(config, train, rows)
    assert np.bincount(train.labels[learned], minlength=4).tolist() == [5, 0, 5, 0]
    assert np.array_equal(shown_rows(config, train, learned), learned)
    assert tested == [row for row in everything if test.targets[row] in (0, 2)]


def test_the_document_leaves_out_the_few_classes_of_its_seeds() -> None:
    """A wrong list would be refused, but only once an hour of training is over."""
    names = [name.replace("/", "-") for name in FashionMNIST.classes]
    data = replace(_levels(1001, 10), classes=names)
    text = (Path(__file__).parents[3] / "docs" / "long-tail.md").read_text().replace("\\\n", " ")
    (left_out,) = re.findall(r"--out unaware .*--leave-out (.*)$", text, re.MULTILINE)
    (seeds,) = re.findall(r"^python .*--knowledge unaware .*--seeds ([\d ]+)", text, re.MULTILINE)
    config = LongTailConfig(data="fashion-mnist", arms=("none",))
    tails = [open_long_tail(config, data, data, int(seed)) for seed in seeds.split()]
    assert len(tails) == 3
    assert {names[label] for tail in tails for label in tail.few} == set(shlex.split(left_out))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"largest": 500}, "needs --largest and --imbalance, got 500 and None"),
        ({"imbalance": 100.0}, "needs --largest and --imbalance, got None and 100.0"),
        ({"largest": 0, "imbalance": 100.0}, "largest must be at least 1"),
        ({"largest": 9, "imbalance": 0.5}, "imbalance must be at least 1"),
    ],
)
def test_half_a_long_tail_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _config(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leave_out": ("boot",)}, r"--leave-out \['boot'\] are none of the classes: bag, coat"),
        ({"leave_out": ("bag", "coat", "shirt")}, "leaves 1 of 4 classes: 2 or more are needed"),
        ({"largest": LARGEST + 1, "imbalance": 2.0, "half": "classifier"}, "should get 61: give a"),
    ],
)
def test_images_that_are_not_there_are_refused_before_anything_is_trained(
    changes: dict[str, Any], message: str, painted: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        main(tiny_pipeline(painted / "data", tmp_path / "out", **changes))
    assert not list(tmp_path.rglob("*.pt"))


def test_the_closed_world_is_written_down(closed: Path, painted: Path) -> None:
    about = json.loads((closed / "train.json").read_text())
    assert about["images"] == {"bag": 60, "coat": 20, "rain_boot": 7, "shirt": 2}
    asked = {name: about["config"][name] for name in ("half", "largest", "imbalance", "seed")}
    assert asked == {"half": "classifier", "largest": 60, "imbalance": 27.0, "seed": 1}
    config = LongTailConfig(
        data="folder", half="classifier", largest=60, imbalance=27.0, arms=("none",)
    )
    pool, test = (open_dataset("folder", painted / "data", part) for part in ("train", "test"))
    tails = [open_long_tail(config, pool, test, seed) for seed in (0, 1)]
    digests = [images_digest(tail.pool, tail.rows) for tail in tails]
    assert about["training_set"] == digests[1] != digests[0]


def test_a_model_knows_the_words_of_classes_that_it_never_saw(unaware: Path) -> None:
    about = json.loads((unaware / "train.json").read_text())
    assert about["images"] == {"bag": 60, "coat": 60, "rain_boot": 0, "shirt": 0}
    assert about["config"]["leave_out"] == ["rain_boot", "shirt"]
    assert "training_set" not in about
    family = load_family(str(unaware / "pipeline"))
    words = family.pipeline.tokenizer.tokenize("A photo of a rain boot")
    assert words == ["a</w>", "photo</w>", "of</w>", "a</w>", "rain</w>", "boot</w>"]
    assert family.pipeline.tokenizer.tokenize("shirt") == ["shirt</w>"]
