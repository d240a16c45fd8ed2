"""The whole recipe at its smallest, and what each arm trains on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.datasets import LabelledSet
from benchmarks.long_tail.arms import ARMS
from benchmarks.long_tail.backbone import own_backbone
from benchmarks.long_tail.banks import build_config
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool, subset
from benchmarks.long_tail.images import plain
from benchmarks.long_tail.run import _check_arms, _check_bank, _content, main, run_seed
from benchmarks.long_tail.seed import Seed, training_images
from benchmarks.long_tail.show import show
from benchmarks.measure import without_nan
from benchmarks.training import TrainingConfig
from genie_transforms import Bank, FolderInUseError, UserError
from genie_transforms.format import Manifest
from index.build.unused import check_unused
from tests.judged import reject

_CONFIG = LongTailConfig(
    largest=60, imbalance=30.0, per_class=2, confused=2, num_inference_steps=3, seeds=(0, 1),
    arms=("none", "resampled", "txt2img", "genie", "genie-ada", "real-g", "balanced+ada"),
    training=TrainingConfig(
        loss="balanced-softmax", num_steps=3, warmup_steps=1, batch_size=8, device="cpu"
    ),
    size=32, device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[LongTailConfig, dict[str, Any]]:
    work = tmp_path_factory.mktemp("long-tail")
    config = replace(_CONFIG, work=work, json=work / "out.json", plot=work / "out.png")
    return config, main(config)


def test_the_recipe_gives_every_arm_and_comparison(
    finished: tuple[LongTailConfig, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    config, result = finished
    assert [(e["seed"], e["arm"]) for e in result["arms"]] == [
        (seed, arm) for seed in (0, 1) for arm in config.arms
    ]
    assert set(result["comparisons"]) == {"P1", "P2", "P3"}
    few = {(e["seed"], e["arm"]): e["few"] for e in result["arms"]}
    gap = np.mean([few[seed, "genie"] - few[seed, "txt2img"] for seed in (0, 1)])
    assert result["comparisons"]["P1"]["difference"] == pytest.approx(gap)
    assert set(result["oracle"]) == {"txt2img", "genie", "genie-ada", "balanced+ada"}
    written = json.loads((config.work / "out.json").read_text())
    assert written["generator"] == [
        {"precision": "float32", "model": "demo", "oracle": None, "seeds": [0, 1]}
    ]
    assert str(config.work) not in json.dumps({k: v for k, v in written.items() if k != "command"})
    assert (config.work / "out.png").stat().st_size > 5000
    # A second run finds everything there, and says the same.
    again = main(config)
    assert without_nan(again["means"]) == without_nan(result["means"])
    assert "P3: txt2img - resampled on Few" in capsys.readouterr().out


def test_a_classifier_of_features_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    linear = replace(_CONFIG.training, model="linear", model_settings=("in_features=256",))
    with pytest.raises(UserError, match=r"--training\.model linear is of features"):
        main(replace(_CONFIG, training=linear, work=tmp_path / "work"))
    assert not (tmp_path / "work").exists()


@cache
def _scenes() -> tuple[LabelledSet, LabelledSet]:
    return open_pool(_CONFIG)


def _seed(config: LongTailConfig, number: int = 0) -> Seed:
    tail = open_long_tail(config, *_scenes(), seed=number)
    folder = config.work / f"seed-{number}"
    banks = {path.name: path for path in (folder / "banks").iterdir()}
    return Seed(config, tail, folder, number, banks)


def test_appended_arms_have_the_same_class_sizes(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(finished[0])
    counts = seed.tail.counts
    grown = counts.copy()
    grown[seed.tail.few] += 2
    for name in ("resampled", "txt2img", "genie", "genie-ada", "real-g"):
        images, labels = training_images(seed, ARMS[name])
        assert np.bincount(labels).tolist() == grown.tolist(), name
        assert [images[k][1] for k in range(len(images))] == labels.tolist()
    _, labels = training_images(seed, ARMS["none"])
    assert np.bincount(labels).tolist() == counts.tolist()


def test_a_bank_with_too_few_negatives_is_made_up_for_by_the_classes_own_images(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(replace(finished[0], per_class=5))  # the bank has 2 of each
    images, labels = training_images(seed, ARMS["genie"])
    _, resampled = training_images(seed, ARMS["resampled"])
    assert np.bincount(labels).tolist() == np.bincount(resampled).tolist()
    real, negatives, own = images.datasets  # type: ignore[attr-defined]
    assert len(negatives) == 2 * len(seed.tail.few)
    assert len(own) == 3 * len(seed.tail.few)
    assert set(own.rows) <= set(real.rows)
    assert [images[k][1] for k in range(len(real), len(images))] == labels[len(real) :].tolist()
    # More than wanted are left out.
    images, _ = training_images(_seed(replace(finished[0], per_class=1)), ARMS["genie"])
    assert [len(part) for part in images.datasets[1:]] == [len(seed.tail.few), 0]  # type: ignore[attr-defined]


def test_few_negatives_may_stand_for_many(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(replace(finished[0], per_class=5))
    images, labels = training_images(seed, replace(ARMS["txt2img"], distinct=1))
    _, resampled = training_images(seed, ARMS["resampled"])
    assert np.bincount(labels).tolist() == np.bincount(resampled).tolist()
    _, negatives, own = images.datasets  # type: ignore[attr-defined]
    assert len(own) == 0
    assert len(negatives) == 5 * len(seed.tail.few)
    assert len(set(negatives.indices)) == len(seed.tail.few)


def test_an_arm_replaces_with_its_own_probability(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(finished[0])
    usual, _ = training_images(seed, ARMS["balanced+ada"])
    always, _ = training_images(seed, replace(ARMS["balanced+ada"], probability=1.0))
    assert (usual.replace.p, always.replace.p) == (0.5, 1.0)  # type: ignore[attr-defined]


def test_an_arm_mixes_as_the_training_does_unless_it_says_otherwise(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    config = finished[0]
    mixing = replace(config.training, mix="mixup-or-cutmix", epochs=2.0)
    seed = _seed(replace(config, training=mixing))
    assert seed.training(ARMS["genie"]).mix == "mixup-or-cutmix"
    assert seed.training(ARMS["cutmix"]).mix == "cutmix"
    # Epochs are of the real images, so that all arms take the same number of steps.
    steps = round(2 * len(seed.tail.rows) / 8)
    assert {seed.training(arm).num_steps for arm in ARMS.values()} == {steps}


def test_figures_of_other_settings_are_not_taken_for_these(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    with pytest.raises(FolderInUseError, match=r"was begun with .*'per_class': 2"):
        main(replace(finished[0], per_class=3))


def test_figures_of_other_images_are_not_taken_for_these(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    pool, test = open_pool(finished[0])
    run_seed(finished[0], pool, test, 0)  # the same images: all is there
    with pytest.raises(FolderInUseError, match=r"seed-0 was begun with .*'test_images': "):
        run_seed(finished[0], pool, subset(test, np.arange(1, len(test))), 0)
    grown = replace(pool, images=[np.asarray(image) // 2 for image in pool.images])
    with pytest.raises(FolderInUseError, match=r"seed-0 was begun with .*'training_images': "):
        run_seed(finished[0], grown, test, 0)


def test_figures_of_another_bank_are_not_taken_for_this_ones(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(finished[0])
    for name in finished[0].arms:
        _check_bank(seed, name)
    other = replace(seed, banks={**seed.banks, "genie-ada": seed.banks["txt2img"]})
    _check_bank(other, "txt2img")
    with pytest.raises(FolderInUseError, match=r"arms/genie was begun with \{'content': "):
        _check_bank(other, "genie")


def test_an_arm_of_kept_rows_knows_what_a_review_rejected(
    finished: tuple[LongTailConfig, dict[str, Any]], tmp_path: Path
) -> None:
    seed = _seed(finished[0])
    bank = shutil.copytree(seed.banks["genie-ada"], tmp_path / "bank")
    copied, arms = replace(seed, banks={"genie-ada": bank}), ("genie-ada-kept", "genie-ada")
    kept, whole = (_content(copied, ARMS[name]) for name in arms)
    reject(bank, range(Manifest.read(bank).num_rows))
    assert _content(copied, ARMS["genie-ada-kept"]) != kept
    assert _content(copied, ARMS["genie-ada"]) == whole  # takes rows whatever a review says


def test_arms_of_fewer_seeds_are_named_as_such(
    finished: tuple[LongTailConfig, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    config, result = replace(finished[0], plot=None), finished[1]
    show(result, config)
    assert "paired differences" not in capsys.readouterr().out
    kept = [e for e in result["arms"] if (e["arm"], e["seed"]) != ("genie", 0)]
    show({**result, "arms": kept}, config)
    printed = capsys.readouterr().out
    assert "arms of other seeds have other Few classes: compare them by paired" in printed
    rows = {line.split()[0]: line.split()[1] for line in printed.splitlines() if line}
    assert (rows["genie"], rows["genie-ada"]) == ("1", "2")


def test_the_control_of_real_images_needs_them(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    tail = _seed(finished[0]).tail
    with pytest.raises(UserError, match="--arms real-g needs images of every Few class"):
        _check_arms(finished[0], replace(tail, generator_rows=np.zeros(0, dtype=np.int64)))


def test_sources_are_the_classes_that_the_baseline_confuses(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(finished[0])
    confusion = np.load(seed.folder / "confusion.npy")
    np.fill_diagonal(confusion, -1)
    for row in Bank.open(seed.banks["genie-ada"], keep=None):
        target = seed.tail.pool.classes.index(
            Bank.open(seed.banks["genie-ada"]).class_names[row.label]
        )
        assert row.source_label in confusion[target].argsort()[::-1][:2]


def test_a_seed_trains_its_own_backbone_which_decides_r(tmp_path: Path) -> None:
    config = replace(
        _CONFIG, work=tmp_path, arms=("genie-ada",), seeds=(0,), backbone="own", backbone_steps=20
    )
    main(config)
    seed = _seed(config)
    recipe = json.loads((seed.banks["genie-ada"] / "build.json").read_text())["recipe"]
    encoder = seed.folder / "encoder.pth"
    before = encoder.stat().st_mtime_ns
    assert recipe["backbone"] == own_backbone(config, seed.tail, seed.folder, 0)
    assert recipe["backbone"] == f"unisiam:resnet10:{encoder}"
    assert encoder.stat().st_mtime_ns == before


def test_an_arm_takes_the_image_of_its_noise_ratio(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(finished[0])
    images, _ = training_images(seed, ARMS["genie"])
    negatives = images.datasets[1].dataset  # type: ignore[attr-defined]
    bank = Bank.open(seed.banks["genie-ada"], keep=None)
    place = [round(r, 4) for r in bank[0].noise_ratios].index(0.8)
    assert np.array_equal(np.asarray(negatives.image(0)), np.asarray(bank.sweep(0)[place]))


def test_in_the_loop_few_classes_get_negatives_and_others_stay(
    finished: tuple[LongTailConfig, dict[str, Any]],
) -> None:
    seed = _seed(replace(finished[0], probability=1.0))
    images, labels = training_images(seed, ARMS["balanced+ada"])
    real_images, _ = training_images(seed, ARMS["balanced"])
    # The two draw differently: without augmentation they are comparable.
    images.transform = real_images.transform = plain(seed.config)  # type: ignore[attr-defined]
    bank = Bank.open(seed.banks["genie-ada"], keep=None)
    with_negatives = {seed.tail.pool.classes.index(bank.class_names[row.label]) for row in bank}
    assert with_negatives <= set(seed.tail.few.tolist())
    for row in range(0, len(labels), 5):
        replaced, label = images[row]
        real, _ = real_images[row]
        assert label == labels[row]
        assert torch.equal(replaced, real) == (label not in with_negatives)


def test_a_preview_of_ada_keeps_no_sweeps_that_other_arms_could_take() -> None:
    with pytest.raises(UserError, match="--ada preview keeps no sweeps, which genie take"):
        replace(_CONFIG, ada="preview")
    config = replace(_CONFIG, ada="preview", arms=("genie-ada",))
    tail = open_long_tail(config, *_scenes(), seed=0)
    build = build_config("genie-ada", config, tail, config.work, seed=0)
    assert (build.ada, build.keep_sweep) == ("preview", False)


@pytest.mark.parametrize(
    "name",
    [
        "genie-ada",
        "random-sources",
        "genie",
        "img2img",
        "img2img-low",
        "txt2img",
        "dafusion",
        "genie+txtinv",
    ],
)
def test_a_bank_is_given_no_setting_that_it_does_not_use(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(_CONFIG, work=tmp_path)
    tail = open_long_tail(config, *_scenes(), seed=0)
    check_unused(build_config(name, config, tail, tmp_path, seed=0))
    assert not caplog.records
