"""The whole builder on a real tiny pipeline and a real folder of images."""

import doctest
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_from_disk
from PIL import Image
from torchvision.datasets import ImageFolder

from genie_transforms import Bank, UserError, source_digest
from genie_transforms.format.manifest import Manifest
from index.build import build, build_bank, builder, main, report_build
from index.build.prepare import preview_pairs
from index.config import BuildConfig
from index.demo.scenes import Scenes

from .executors import fragile
from .killed import build_and_kill

CLASSES = ("star", "ring", "heart")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine scenes, three a class."""
    root = tmp_path_factory.mktemp("scenes")
    Scenes(3, classes=CLASSES, seed=1).write_image_folder(root)
    return root


@pytest.fixture
def settings(scenes: Path, stable_diffusion_folder: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "source": str(scenes),
        "model": str(stable_diffusion_folder),
        "out": tmp_path / "bank",
        "num_inference_steps": 10,
        "resolution": 16,
        "pairs_per_shard": 5,
        "preview": 4,
        "backbone": "demo",
    }


def test_a_bank_is_built_and_opens_everywhere(settings: dict[str, Any], scenes: Path) -> None:
    printed, out = report_build(BuildConfig(**settings)), settings["out"]
    manifest = Manifest.read(out)
    assert manifest.counts["pairs"] == manifest.counts["rows"] == 9 * 2
    # 10 steps: r = .5 … .9 run 5 + 6 + 7 + 8 + 9 = 35 of them, twice for guidance.
    assert manifest.counts["network_rows"] == 18 * 35 * 2
    table = load_from_disk(str(out))
    names = sorted(CLASSES)
    assert table.features["label"].names == names
    for record in table:
        assert record["label"] != record["source_label"]
        assert record["prompt"] == f"A photo of a {names[record['label']]}"
        assert record["source_id"].startswith(names[record["source_label"]])
        assert round(record["noise_ratio"], 4) in {0.6, 0.7, 0.8, 0.9}  # Algorithm 1: never r_1
        jumps = np.abs(np.diff(record["projections"]))
        assert record["noise_ratios"][1 + int(jumps.argmax())] == record["noise_ratio"]
        with Image.open(scenes / record["source_id"]) as image:
            assert source_digest(image) == record["source_digest"]
    assert len(Bank.open(out, keep=None)) == 18
    assert (out / "preview.png").stat().st_size > 10_000
    assert "18 planned, 18 made, 0 failed" in printed
    assert "r = 0.9" in printed


def test_batch_size_does_not_change_the_bank(settings: dict[str, Any]) -> None:
    few = build(BuildConfig(**settings, batch_size=3))
    many = build(BuildConfig(**{**settings, "out": settings["out"].with_name("other")}))
    first, second = load_from_disk(str(few)), load_from_disk(str(many))
    assert first["noise_ratio"][:] == second["noise_ratio"][:]
    for a, b in zip(first["image"][:], second["image"][:], strict=True):
        difference = np.asarray(a).astype(int) - np.asarray(b).astype(int)
        assert np.abs(difference).max() <= 1


def test_a_killed_build_continues_to_the_same_bytes(settings: dict[str, Any]) -> None:
    whole = build(BuildConfig(**settings))
    out = settings["out"].with_name("killed")
    build_and_kill({**settings, "out": out})
    kept = (out / "stats" / "00000.json").stat().st_mtime_ns
    assert not (out / "genie.json").exists()
    build(BuildConfig(**{**settings, "out": out}))
    assert (out / "stats" / "00000.json").stat().st_mtime_ns == kept
    for path in sorted(whole.glob("data-*.arrow")):
        assert path.read_bytes() == (out / path.name).read_bytes()
    assert json.loads((out / "genie.json").read_text())["counts"]["pairs"] == 18


def test_a_finished_build_runs_no_network(settings: dict[str, Any]) -> None:
    out = build(BuildConfig(**settings))
    before = {path: path.stat().st_mtime_ns for path in (out / "stats").iterdir()}
    build(BuildConfig(**settings))
    assert {path: path.stat().st_mtime_ns for path in (out / "stats").iterdir()} == before


@pytest.mark.parametrize(("method", "ratio"), [("genie", 0.4), ("img2img", 0.4), ("txt2img", 1.0)])
def test_fixed_methods(settings: dict[str, Any], method: Any, ratio: float) -> None:
    out = build(BuildConfig(**settings, method=method, noise_ratio=ratio, max_pairs=6))
    table = load_from_disk(str(out))
    assert len(table) == 6
    assert np.allclose(table["noise_ratio"][:], ratio)
    same = np.array(table["label"][:]) == np.array(table["source_label"][:])
    assert same.all() if method == "img2img" else not same.any()


def test_keep_sweep_stores_every_ratio(settings: dict[str, Any]) -> None:
    out = build(BuildConfig(**settings, keep_sweep=True, max_pairs=2))
    record = load_from_disk(str(out))[0]
    chosen = record["noise_ratios"].index(record["noise_ratio"])
    assert len(record["sweep"]) == 5
    assert record["sweep"][chosen].tobytes() == record["image"].tobytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--source", "/nowhere"], "--source /nowhere: no such folder"),
        (["--model", "/nowhere", "--backbone", f"python:{fragile.__name__}:fragile"], "/nowhere"),
        (["--noise-ratios", "0.5", "1.5"], "noise_ratios must lie in (0, 1], got (0.5, 1.5)"),
        (["--backbone", "nothing"], "nothing"),
        (["--pairs", "some"], "some"),
        (["--prompt", "A photo of a {target} " + "z" * 40], "tokens"),
    ],
)
def test_mistakes_end_with_one_line_and_write_nothing(
    flags: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GENIE_FRAGILE", str(tmp_path))
    with pytest.raises(SystemExit) as stop:
        main([*flags, "--out", str(tmp_path / "bank")])
    assert stop.value.code == 2
    assert message in caplog.text + capsys.readouterr().err
    assert not (tmp_path / "bank").exists()


def test_the_plan_follows_the_flags(settings: dict[str, Any], tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    described = {name: {"name": f"{name} shape", "superclass": "figure"} for name in CLASSES}
    names.write_text(json.dumps(described))
    flags: dict[str, Any] = {
        "pairs": "confusion:1",
        "only_classes": ("ring", "star"),
        "per_class": 2,
        "variations": 2,
        "class_names": str(names),
        "prompt": "A {target}, a {superclass}",
        "num_inference_steps": 4,
        "noise_ratios": (0.5, 0.75),
    }
    out = build(BuildConfig(**{**settings, **flags}))
    table = load_from_disk(str(out))
    labels = [sorted(CLASSES)[label] for label in table["label"][:]]
    assert sorted(labels) == ["ring", "ring", "star", "star"]
    for target in ("ring", "star"):  # from one confused class each
        rows = [k for k, label in enumerate(labels) if label == target]
        assert len({table["source_label"][k] for k in rows}) == 1
        assert {table["prompt"][k] for k in rows} == {f"A {target} shape, a figure"}


def test_the_demos_model_warns_of_images_that_it_does_not_know(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    build(BuildConfig(**{**settings, "max_pairs": 1, "num_inference_steps": 4}))
    assert "give --model" not in caplog.text
    other = {"model": "", "resolution": 0, "out": settings["out"] / "other", "dry_run": True}
    build(BuildConfig(**{**settings, **other, "num_inference_steps": 2, "max_pairs": 1}))
    assert "for photographs give --model" in caplog.text


def test_preview_pairs_are_spread_evenly() -> None:
    assert preview_pairs(100, 4) == [0, 25, 50, 75]
    assert preview_pairs(2, 4) == [0, 1]
    assert preview_pairs(10, 0) == []


def test_a_dataset_is_a_source_and_gives_the_same_negatives(
    settings: dict[str, Any], scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**settings, "max_pairs": 3, "num_inference_steps": 4}
    folder = Bank.open(build(BuildConfig(**config)), keep=None)
    changes = {"out": settings["out"] / "other", "source": ""}
    bank = build_bank(BuildConfig(**{**config, **changes}), ImageFolder(str(scenes)))
    assert capsys.readouterr().out == ""
    assert bank.class_names == folder.class_names
    rows, others = Bank.open(bank.path, keep=None), folder
    assert [row.source_digest for row in rows] == [row.source_digest for row in others]
    assert [row.image().tobytes() for row in rows] == [row.image().tobytes() for row in others]
    assert Manifest.read(bank.path).recipe["source"] == "torchvision.datasets.folder.ImageFolder"


def test_a_dataset_beside_a_folder_and_a_dry_run_without_a_bank_are_refused(
    settings: dict[str, Any], scenes: Path
) -> None:
    with pytest.raises(UserError, match="give a dataset or BuildConfig"):
        build(BuildConfig(**settings), ImageFolder(str(scenes)))
    with pytest.raises(UserError, match="leaves no bank to open"):
        build_bank(BuildConfig(**settings, dry_run=True))


def test_the_example_of_build_bank_runs() -> None:
    results = doctest.testmod(builder)
    assert results.attempted > 0
    assert results.failed == 0
