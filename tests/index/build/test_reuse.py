"""No pair is made twice: not in another folder, not after images or classes were added."""

import json
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_from_disk
from torch import Tensor

from genie_transforms import Bank
from genie_transforms.format import verify_bank
from genie_transforms.format.manifest import Manifest
from index.build import build, report_build
from index.build.reuse import cosine_distance
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.store.claim import SUPERSEDED
from index.store.shards import read_table

from .killed import build_and_kill

CLASSES = ("arrow", "bolt", "drop", "fish")
ROWS = 2 * (2 + 3)  # of one pair: 4 steps, r = .5 and .75, twice for guidance


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen scenes, four a class."""
    root = tmp_path_factory.mktemp("scenes")
    Scenes(4, classes=CLASSES, seed=1).write_image_folder(root)
    return root


def _select(scenes: Path, to: Path, classes: tuple[str, ...], counts: dict[str, int]) -> Path:
    """Copy the first images of some classes, two each if `counts` says nothing else."""
    for name in classes:
        for file in sorted((scenes / name).iterdir())[: counts.get(name, 2)]:
            (to / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, to / name)
    return to


@pytest.fixture
def settings(stable_diffusion_folder: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "num_inference_steps": 4,
        "noise_ratios": (0.5, 0.75),
        "rule": "from_source",
        "resolution": 16,
        "pairs_per_shard": 5,
        "preview": 4,
    }


def _made(out: Path) -> tuple[int, int, int]:
    counts = Manifest.read(out).counts
    return counts["rows"], counts["reused"], counts["network_rows"]


def _assert_equal(one: Path, other: Path) -> None:
    """Compare row by row: exact, but for what the make-up of a batch does to the last bits."""
    first, second = load_from_disk(str(one)), load_from_disk(str(other))
    assert first.features == second.features
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert np.abs(np.asarray(a.pop("image"), int) - np.asarray(b.pop("image"), int)).max() <= 1
        for name in ("projections", "target_similarity", "margin", "source_similarity"):
            np.testing.assert_allclose(a.pop(name), b.pop(name), atol=1e-2)
        assert a == b


def test_a_second_build_with_the_same_cache_runs_no_network(
    settings: dict[str, Any],
    scenes: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    config = {**settings, "source": str(source), "cache": tmp_path / "cache"}
    first = config["out"]
    assert "made before" not in report_build(BuildConfig(**config))
    assert _made(first) == (12, 0, 12 * ROWS)
    caplog.set_level("INFO", logger="genie.build")
    second = tmp_path / "second"
    report = report_build(BuildConfig(**{**config, "out": second}))
    assert _made(second) == (12, 12, 0)
    assert "12 pairs were made before" in report
    assert "embeddings: 6 of 6 images were cached" in caplog.text
    for path in sorted(first.glob("data-*")):
        assert path.read_bytes() == (second / path.name).read_bytes()
    strips = {path.name for path in (first / "preview").iterdir()}
    assert strips == {path.name for path in (second / "preview").iterdir()}
    assert len(strips) == 4


def test_another_recipe_shares_nothing_but_embeddings(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:2], {})
    config = {**settings, "source": str(source), "cache": tmp_path / "cache"}
    build(BuildConfig(**config))
    other = build(BuildConfig(**{**config, "out": tmp_path / "other", "seed": 1}))
    assert _made(other) == (4, 0, 4 * ROWS)


def test_adding_a_class_runs_its_pairs_alone_and_equals_a_new_build(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", ("arrow", "drop", "fish"), {})
    config = {**settings, "source": str(source)}
    bank = build(BuildConfig(**config))
    _select(scenes, source, ("bolt",), {})  # second of four: all labels behind it move
    assert _made(build(BuildConfig(**config))) == (24, 12, 12 * ROWS)
    assert not (bank / SUPERSEDED).exists()
    _assert_equal(bank, build(BuildConfig(**{**config, "out": tmp_path / "scratch"})))
    assert _made(build(BuildConfig(**config))) == (24, 12, 12 * ROWS)  # again: nothing to do


def test_adding_images_marks_what_they_make_stale_and_refreshing_equals_a_new_build(
    settings: dict[str, Any],
    scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("own_colours")
    vars(module)["make"] = lambda: _mean_colours
    monkeypatch.setitem(sys.modules, "own_colours", module)
    source = _select(scenes, tmp_path / "photos", CLASSES, {"arrow": 1, "drop": 1})
    config = {**settings, "source": str(source), "backbone": "python:own_colours:make"}
    bank = build(BuildConfig(**config))
    old = _choices(bank)
    _select(scenes, source, CLASSES, {"arrow": 4, "drop": 4})
    report = report_build(BuildConfig(**config))
    scratch = build(BuildConfig(**{**config, "out": tmp_path / "scratch"}))
    new = _choices(scratch)
    changed = {pair for pair in old if old[pair] != new[pair]}
    assert f"{len(changed)} are stale" in report
    assert changed, "the scenes were chosen so that some r* change"
    assert {pair[1] for pair in changed} <= {0, 2}  # centroids of the others did not move
    kept = Bank.open(bank, keep="stale")
    assert {(row.source_digest, row.label) for row in kept} == changed
    assert all(row.noise_ratio == old[row.source_digest, row.label] for row in kept)

    before = {path.name: path.read_bytes() for path in (bank / "stats").iterdir()}
    assert "stale" not in report_build(BuildConfig(**config, refresh_stale=True))
    touched = [
        path for path in (bank / "stats").iterdir() if path.read_bytes() != before[path.name]
    ]
    again = sum(json.loads(path.read_text())["network_rows"] for path in touched)
    assert again == len(changed) * ROWS
    _assert_equal(bank, scratch)


def _mean_colours(images: Tensor) -> Tensor:
    """Embed without weights, ``(N, 3)``, so that the same r* change whatever model is shipped."""
    return images.float().mean((2, 3)) - 127.5


def _choices(bank: Path) -> dict[tuple[str, int], float]:
    table = read_table(bank, ["source_digest", "label", "noise_ratio"]).to_pylist()
    return {(row["source_digest"], row["label"]): row["noise_ratio"] for row in table}


def test_a_larger_budget_keeps_what_a_smaller_one_made(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    config = {**settings, "source": str(source)}
    out = build(BuildConfig(**config, max_pairs=6))
    assert _made(out) == (6, 0, 6 * ROWS)
    build(BuildConfig(**{**config, "pairs_per_shard": 3}))
    assert _made(out) == (12, 6, 6 * ROWS)


def test_a_smaller_plan_keeps_the_rest_aside(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    config = {**settings, "source": str(source)}
    out = build(BuildConfig(**config))
    build(BuildConfig(**config, only_classes=("bolt",)))
    assert _made(out) == (4, 4, 0)
    assert (out / SUPERSEDED).exists()
    build(BuildConfig(**config))
    assert _made(out) == (12, 12, 0)
    assert not (out / SUPERSEDED).exists()


def test_a_grown_bank_that_was_killed_continues_to_the_same_bytes(
    settings: dict[str, Any],
    scenes: Path,
    tmp_path: Path,
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    config = {**settings, "source": str(source), "num_inference_steps": 10}
    build(BuildConfig(**config))
    whole, killed = config["out"], tmp_path / "killed"
    shutil.copytree(whole, killed)
    _select(scenes, source, CLASSES[3:], {})
    build(BuildConfig(**config))
    build_and_kill({**config, "out": killed})
    assert not (killed / "genie.json").exists()
    build(BuildConfig(**{**config, "out": killed}))
    for path in sorted(whole.glob("data-*")):
        assert path.read_bytes() == (killed / path.name).read_bytes()
    assert Manifest.read(killed).shards == Manifest.read(whole).shards


def test_a_changed_prompt_makes_the_pairs_of_that_class_again(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    names = tmp_path / "names.json"
    config = {**settings, "source": str(source), "class_names": str(names)}
    names.write_text(json.dumps({name: name for name in CLASSES[:3]}))
    out = build(BuildConfig(**config))
    names.write_text(json.dumps({"arrow": "dart", "bolt": "bolt", "drop": "drop"}))
    build(BuildConfig(**config))
    assert _made(out) == (12, 8, 4 * ROWS)
    prompts = {row.label: row.prompt for row in Bank.open(out, keep=None)}
    assert prompts[0] == "A photo of a dart"


def test_a_renamed_file_or_class_is_noticed_and_only_pairs_towards_the_class_run(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    source = _select(scenes, tmp_path / "photos", CLASSES[:3], {})
    names = tmp_path / "names.json"
    names.write_text(json.dumps({name: name for name in CLASSES[:3]} | {"fall": "drop"}))
    config = BuildConfig(**settings, source=str(source), class_names=str(names))
    out = build(config)
    first = sorted((source / "arrow").iterdir())[0]
    first.rename(first.with_stem(f"{first.stem}_renamed"))  # the order of files stays
    assert _made(build(config)) == (12, 12, 0)
    assert f"arrow/{first.stem}_renamed.png" in {row.source_id for row in Bank.open(out, keep=None)}
    (source / "drop").rename(source / "fall")  # the same prompts and pixels, and the same labels
    build(config)
    # A pair is known by the name of its target: those towards it have other seeds.
    assert _made(out) == (12, 8, 4 * ROWS)
    assert verify_bank(out) == []
    assert load_from_disk(str(out)).features["label"].names == ["arrow", "bolt", "fall"]
    _assert_equal(out, build(replace(config, out=tmp_path / "scratch")))
    before = {path: path.stat().st_mtime_ns for path in (out / "stats").iterdir()}
    build(config)  # again: nothing to do
    assert {path: path.stat().st_mtime_ns for path in (out / "stats").iterdir()} == before


def test_cosine_distance_by_hand() -> None:
    assert cosine_distance(np.array([2.0, 0]), np.array([2.0, 0])) == 0
    assert cosine_distance(np.array([2.0, 0]), np.array([0, 3.0])) == pytest.approx(1)
    assert cosine_distance(np.array([1.0, 0]), np.array([-1.0, 0])) == pytest.approx(2)
