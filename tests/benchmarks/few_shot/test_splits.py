"""Two splits with two generators, as one runs them: encoders, tables, and the pooled one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.datasets import class_split
from benchmarks.episodes import DataChoice
from benchmarks.few_shot.config import FewShotConfig
from benchmarks.few_shot.pooled import main as pool_runs
from benchmarks.few_shot.record import as_counts, from_counts
from benchmarks.few_shot.run import main as few_shot
from benchmarks.few_shot.splits import SplitsConfig
from benchmarks.unisiam.config import UniSiamConfig
from benchmarks.unisiam.run import main as unisiam
from genie_transforms import UserError
from index.train import SmallResNet, save
from tests.conftest import save_stable_diffusion

CLASSES = ("blue shoe", "green bag", "grey tie", "red hat")
COLOURS = ((0, 0, 50), (0, 50, 0), (30, 30, 30), (50, 0, 0))
QUERIES = 2 * 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes of noisy colours, two generators, and an encoder of each split."""
    folder, rng = tmp_path_factory.mktemp("splits"), np.random.default_rng(0)
    for split, count in (("train", 6), ("test", 42)):
        for name, colour in zip(CLASSES, COLOURS, strict=True):
            (folder / "data" / split / name).mkdir(parents=True)
            for number in range(count):
                # Each image has a tint of its own, so that one shot is not enough.
                tint = rng.integers(0, 100, 3)
                pixels = rng.integers(0, 100, (32, 32, 3)) + np.array(colour) + tint
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(folder / "data" / split / name / f"{number}.png")
    for seed, predicts in enumerate(("epsilon", "v_prediction")):
        trained = folder / f"gen{seed}"
        save_stable_diffusion(trained / "pipeline", prediction_type=predicts)
        vae = trained / "pipeline/vae/config.json"  # says which size images are brought to
        vae.write_text(json.dumps(json.loads(vae.read_text()) | {"sample_size": 16}))
        save(SmallResNet(24, len(CLASSES)), trained / "oracle.safetensors")
        (trained / "train.json").write_text(json.dumps({"config": {"seed": seed}}))
        unisiam(_encoder(folder, class_split=seed))
    return folder


def _encoder(folder: Path, **settings: Any) -> UniSiamConfig:
    name = settings.get("class_split", "all")
    return UniSiamConfig(
        data="folder", root=folder / "data", arch="resnet10", resolution=32, steps=20,
        batch_size=8, test_split=None, work=folder / f"unisiam-{name}",
        out=folder / f"encoder-{name}.pth", **settings,
    )  # fmt: skip


def _config(folder: Path, split: int, generator: int) -> FewShotConfig:
    """One split with one generator: two shots of two ways, four episodes."""
    data = DataChoice(
        name="folder", root=folder / "data", trained=folder / f"gen{generator}",
        backbone=f"unisiam:resnet10:{folder / f'encoder-{split}.pth'}", class_split=split,
    )  # fmt: skip
    return FewShotConfig(
        work=folder / f"pool-{split}-{generator}", data=data, n_way=2, k_shot=(1,), episodes=4,
        per_class=2, num_inference_steps=4, inversion_episodes=0, head="prototype",
        arms=("weak", "genie", "genie-0.9"), json=folder / f"run-{split}-{generator}.json",
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(folder: Path) -> tuple[Path, ...]:
    """Split 0 with generator 0 and split 1 with generator 1 are run, the other two are made up."""
    for number in range(2):
        few_shot(_config(folder, number, number))
    real = [_read(folder / f"run-{number}-{number}.json") for number in range(2)]
    for split in range(2):
        made_up = json.loads(json.dumps(real[split]))
        made_up["run"]["generator"] = real[1 - split]["run"]["generator"]
        for place, entry in enumerate(made_up["arms"]):
            entry["right"] = as_counts(np.array([8, 20, 25, 30 - place]) / QUERIES, QUERIES)
        (folder / f"run-{split}-{1 - split}.json").write_text(json.dumps(made_up))
    return tuple(
        folder / f"run-{split}-{generator}.json" for split in (0, 1) for generator in (0, 1)
    )


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_run_says_what_it_is_of(folder: Path, runs: tuple[Path, ...]) -> None:
    report = _read(runs[3])  # split 1, generator 1
    split = class_split(CLASSES, 1)
    assert report["classes"] == list(split.novel)
    assert report["run"]["class_split"] == 1
    assert report["run"]["encoder"]["classes"] == list(split.base)
    assert report["run"]["settings"]["encoder"]["steps"] == 20
    generator = report["run"]["generator"]
    assert (generator["name"], generator["training"]["seed"]) == ("gen1", 1)
    assert set(report["run"]["images"]) == set(split.novel)
    for entry in report["arms"]:
        accuracies = from_counts(entry["right"], QUERIES)
        assert entry["accuracy"] == pytest.approx(100 * accuracies.mean(), abs=0.006)
    seeds = {_read(path)["run"]["drawings"]["1"]["seed"] for path in runs}
    assert len(seeds) == 2  # one of each split


def test_pooled_figures_are_those_of_the_runs(folder: Path, runs: tuple[Path, ...]) -> None:
    result = pool_runs(SplitsConfig(runs=runs, json=folder / "pooled.json"))
    assert [split["number"] for split in result["splits"]] == [0, 1]
    assert [generator["name"] for generator in result["generators"]] == ["gen0", "gen1"]
    right = {
        (place // 2, place % 2, entry["arm"]): from_counts(entry["right"], QUERIES)
        for place, path in enumerate(runs)
        for entry in _read(path)["arms"]
    }
    by_split = [
        np.mean([right[s, g, "genie"] - right[s, g, "txt2img"] for g in range(2)]) for s in range(2)
    ]
    (found,) = (entry for entry in result["arms"] if entry["arm"] == "genie")
    assert found["difference"] == pytest.approx(100 * np.mean(by_split), abs=0.006)
    assert found["difference_by_split"] == pytest.approx(100 * np.array(by_split), abs=0.006)
    of_first = np.mean([right[s, 0, "genie"] - right[s, 0, "txt2img"] for s in range(2)])
    assert found["difference_by_generator"][0] == pytest.approx(100 * of_first, abs=0.006)
    assert found["difference_failed"] == 0
    half = 12.7062 * 100 * abs(by_split[0] - by_split[1]) / 2  # t(1, .975) times std / √2
    low, high = found["difference_interval"]
    assert (high - low) / 2 == pytest.approx(half, abs=0.02)
    assert [(entry["first"], entry["second"]) for entry in result["comparisons"]] == [
        ("genie-0.9", "genie")
    ]
    assert _read(folder / "pooled.json")["arms"] == result["arms"]
    assert pool_runs(SplitsConfig(runs=runs[::-1]))["arms"][0]["accuracy"] == pytest.approx(
        result["arms"][0]["accuracy"]
    )


def test_a_run_that_continues_writes_the_same(folder: Path, runs: tuple[Path, ...]) -> None:
    before, scored = _read(runs[0]), folder / "pool-0-0/accuracies/prototype/1-shot/genie.json"
    written = scored.stat().st_mtime_ns
    few_shot(_config(folder, 0, 0))
    again = _read(runs[0])
    assert (again["arms"], again["run"]) == (before["arms"], before["run"])
    assert scored.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("run", "settings", "seed"), 1, r"other\.json was run with seed = 1, .* with 0: they"),
        (("run", "settings", "encoder", "steps"), 9, r"was run with encoder = .*'steps': 9"),
        (("run", "encoder", "sha256"), "0" * 16, "have other encoders of split 1"),
        (("run", "images", "X"), "0" * 16, "have other images of "),
        (("run", "drawings", "1", "seed"), 99, "have other episodes of split 1"),
        (("run", "class_split"), None, r"is of no drawn split: run it with --data\.class-split"),
        (("run", "class_split"), 0, "are of split 0 and the same generator: give one"),
        (("run", "class_split"), 7, "no run of split 1 with the generator gen1"),
        (("run",), None, "is not what this version of benchmarks.few_shot --json writes"),
    ],
)
def test_what_is_not_alike_is_not_pooled(
    runs: tuple[Path, ...], tmp_path: Path, path: tuple[str, ...], value: Any, message: str
) -> None:
    content = _read(runs[3])  # split 1, generator 1
    inner = content
    for name in path[:-1]:
        inner = inner[name]
    name = content["classes"][0] if path[-1] == "X" else path[-1]
    inner[name] = value
    if path == ("run",):
        del content["run"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        pool_runs(SplitsConfig(runs=(*runs[:3], other)))


def test_episodes_that_cannot_be_drawn_again_are_told(
    runs: tuple[Path, ...], tmp_path: Path
) -> None:
    content = _read(runs[0])
    content["run"]["drawings"]["1"]["sha256"] = "0" * 16
    (tmp_path / "drawn.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"drawn\.json: its episodes cannot be drawn again"):
        pool_runs(SplitsConfig(runs=(tmp_path / "drawn.json",)))
    with pytest.raises(UserError, match=r"nowhere\.json"):
        pool_runs(SplitsConfig(runs=(tmp_path / "nowhere.json",)))
    with pytest.raises(UserError, match="give --runs"):
        pool_runs(SplitsConfig(runs=()))
    with pytest.raises(UserError, match="is one of the runs, which it would replace"):
        SplitsConfig(runs=runs, json=runs[0])


def test_an_encoder_that_saw_novel_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    config = replace(_config(folder, 0, 0), work=tmp_path / "work", json=None)
    crossed = f"unisiam:resnet10:{folder / 'encoder-1.pth'}"
    novel = set(class_split(CLASSES, 0).novel) & set(class_split(CLASSES, 1).base)
    message = f"was trained on images of {', '.join(sorted(novel))}, which shall be novel"
    with pytest.raises(UserError, match=message):
        few_shot(replace(config, data=replace(config.data, backbone=crossed)))
    weights = torch.load(folder / "encoder-0.pth", weights_only=True)
    torch.save({key: weights[key] for key in ("model", "resolution")}, tmp_path / "old.pth")
    silent = replace(config.data, backbone=f"unisiam:resnet10:{tmp_path / 'old.pth'}")
    with pytest.raises(UserError, match="does not say which classes it was trained on"):
        few_shot(replace(config, data=silent))
    with pytest.raises(UserError, match="n_way must be at most 2, the novel classes: 3"):
        few_shot(replace(config, n_way=3))
    assert not (tmp_path / "work").exists()


def test_classes_are_named_or_drawn() -> None:
    given = {"name": "folder", "root": Path("x"), "trained": Path("x"), "backbone": "own"}
    with pytest.raises(UserError, match=r"give data\.classes or data\.class-split"):
        DataChoice(**given, classes=("red hat",), class_split=0)
    with pytest.raises(UserError, match="the demo has its own classes and models"):
        DataChoice(class_split=0)
    with pytest.raises(UserError, match="give classes or class_split"):
        _encoder(Path("x"), classes=("red hat",), class_split=0)


def test_counts_keep_failed_episodes() -> None:
    accuracies = np.array([0.25, np.nan, 1.0, 0.0])
    np.testing.assert_array_equal(from_counts(as_counts(accuracies, 80), 80), accuracies)
    for wrong in ("AAA", as_counts(accuracies, 320)):
        with pytest.raises(UserError, match="are no counts of"):
            from_counts(wrong, 80)
