"""r* of earlier builds spare `--ada neighbours` its pilots, and an interruption changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genie_transforms.format import Manifest
from index.build import shards
from index.build.builder import build
from index.build.r_stars import chosen_r_stars, share_r_stars
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.generate import RStarCache, prompted

CLASSES = ("arrow", "bolt", "drop")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve scenes, four a class."""
    root = tmp_path_factory.mktemp("scenes")
    Scenes(4, classes=CLASSES, seed=1).write_image_folder(root)
    return root


def _copy(scenes: Path, to: Path, per_class: int) -> Path:
    for name in CLASSES:
        (to / name).mkdir(parents=True, exist_ok=True)
        for file in sorted((scenes / name).iterdir())[:per_class]:
            shutil.copy(file, to / name)
    return to


@pytest.fixture
def settings(stable_diffusion_folder: Path, scenes: Path, tmp_path: Path) -> dict[str, Any]:
    """Algorithm 1 never chooses the smaller of two r: here all r* are 0.75, and all votes agree."""
    return {
        "source": str(_copy(scenes, tmp_path / "photos", 2)),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "num_inference_steps": 8,
        "noise_ratios": (0.5, 0.75),
        "ada": "neighbours",
        "ada_steps": 2,
        "resolution": 16,
        "preview": 0,
    }


def _network_rows(out: Path) -> int:
    return Manifest.read(out).counts["network_rows"]


def test_a_bank_that_grows_votes_with_its_own_r_stars(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    out = build(BuildConfig(**settings))
    forgetful = tmp_path / "forgetful"
    shutil.copytree(out, forgetful)
    (forgetful / "index" / "r_star.npz").unlink()
    _copy(scenes, tmp_path / "photos", 4)
    build(BuildConfig(**settings))
    build(BuildConfig(**{**settings, "out": forgetful}))
    for bank in (out, forgetful):
        counts = Manifest.read(bank).counts
        assert (counts["rows"], counts["reused"]) == (24, 12)
    assert _network_rows(out) < _network_rows(forgetful)
    known = RStarCache.load(out / "index" / "known_r_star.npz")
    assert len(known) == 12
    assert len(RStarCache.load(out / "index" / "r_star.npz")) == 24


def test_banks_with_one_cache_vote_for_each_other(
    settings: dict[str, Any], scenes: Path, tmp_path: Path
) -> None:
    cache, other = tmp_path / "cache", tmp_path / "forgetful"
    build(BuildConfig(**settings, cache=cache))
    shutil.copytree(cache, other)
    shutil.rmtree(other / "r-star")
    more = {**settings, "source": str(_copy(scenes, tmp_path / "more", 4))}
    second = build(BuildConfig(**{**more, "out": tmp_path / "second"}, cache=cache))
    without = build(BuildConfig(**{**more, "out": tmp_path / "without"}, cache=other))
    assert Manifest.read(second).counts["reused"] == Manifest.read(without).counts["reused"] == 12
    assert _network_rows(second) < _network_rows(without)
    (shared,) = (cache / "r-star").iterdir()
    assert len(RStarCache.load(shared)) == 24
    another = build(BuildConfig(**{**more, "out": tmp_path / "another"}, cache=cache, seed=1))
    assert len(RStarCache.load(another / "index" / "known_r_star.npz")) == 0  # another recipe
    assert len(list((cache / "r-star").iterdir())) == 2


def test_other_ways_to_r_star_keep_no_copy(settings: dict[str, Any], tmp_path: Path) -> None:
    config = {**settings, "ada": "preview", "cache": tmp_path / "cache", "max_pairs": 2}
    out = build(BuildConfig(**config))
    assert not (out / "index" / "known_r_star.npz").exists()
    assert len(list((tmp_path / "cache" / "r-star").iterdir())) == 1


def _interrupt(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a build, and stop it in its second shard."""
    started = []

    def run_shard(*arguments: Any) -> Any:
        started.append(arguments)
        if len(started) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    original = shards.run_shard
    with monkeypatch.context() as patch:
        patch.setattr(shards, "run_shard", run_shard)
        with pytest.raises(KeyboardInterrupt):
            build(BuildConfig(**config))


def test_a_build_that_is_continued_ignores_what_the_cache_has_learned_since(
    settings: dict[str, Any], scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    build(BuildConfig(**settings, cache=cache))
    source = str(_copy(scenes, tmp_path / "more", 4))
    # Without the pairs of the first bank, so that r* are all that the cache gives.
    shutil.rmtree(cache / "pairs")
    more = {**settings, "source": source, "pairs_per_shard": 8}
    shutil.copytree(cache, tmp_path / "cache-of-whole")
    whole = build(
        BuildConfig(**{**more, "out": tmp_path / "whole"}, cache=tmp_path / "cache-of-whole")
    )
    stopped = {**more, "out": tmp_path / "stopped", "cache": cache}
    _interrupt(stopped, monkeypatch)
    shutil.copytree(tmp_path / "stopped", tmp_path / "older")
    (path,) = (cache / "r-star").iterdir()
    learned = RStarCache(RStarCache.load(path).scope)
    known = RStarCache.load(whole / "index" / "r_star.npz")
    for name in CLASSES:
        target = prompted(name, f"A photo of a {name}")
        for digest in known.of_target(target):
            learned.record(digest, target, 0.5)
    share_r_stars(path, learned)
    resumed = build(BuildConfig(**stopped))
    assert len(list(whole.glob("data-*"))) == 3
    for file in whole.glob("data-*"):
        assert file.read_bytes() == (resumed / file.name).read_bytes()
    assert _network_rows(resumed) == _network_rows(whole)

    # A bank that was begun before there were copies goes on without known r*.
    shutil.rmtree(cache / "pairs")
    (tmp_path / "older" / "index" / "known_r_star.npz").unlink()
    older = build(BuildConfig(**{**stopped, "out": tmp_path / "older"}))
    assert not (older / "index" / "known_r_star.npz").exists()
    assert _network_rows(older) > _network_rows(whole)


def test_stale_r_stars_are_not_recorded() -> None:
    columns = {
        "source_digest": ["a", "b", "c"],
        "label": [0, 1, 1],
        "prompt": ["a fox", "an owl", "an owl"],
        "noise_ratio": pa.array([0.7, 0.8, 0.6], pa.float32()),
        "stale": [False, False, True],
    }
    r_stars = chosen_r_stars(BuildConfig(), ["fox", "owl"], "s", pa.table(columns))
    fox, owl = prompted("fox", "a fox"), prompted("owl", "an owl")
    assert (r_stars.get("a", fox), r_stars.get("b", owl), r_stars.get("c", owl)) == (0.7, 0.8, None)
    assert r_stars.get("b", prompted("owl", "one owl")) is None  # another prompt, another r*
    assert len(chosen_r_stars(BuildConfig(method="genie"), ["fox"], "s", pa.table(columns))) == 0
