"""What was done is not done again: embeddings of sources, and banks of earlier releases."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import FolderInUseError
from genie_transforms.format import read_shard
from index.build import embed, shards
from index.build.describe import defaults_of, describe_rows
from index.build.embed import EmbedSources
from index.build.prepare import decide
from index.config import BuildConfig
from index.sources import open_source
from index.store import (
    SourceBlocks,
    embeddings_path,
    finished_shards,
    identity,
    read_shard_stats,
)
from index.store.shards import write_stats

from . import fake


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    fake.install(monkeypatch.setattr)
    monkeypatch.setattr(embed, "BLOCK", 3)
    return fake.config_of(fake.write_photos(tmp_path / "photos", 4), tmp_path / "bank")


def _embed(config: BuildConfig) -> tuple[EmbedSources, fake.Colours]:
    """Run the first stage as a new process would."""
    backbone = fake.Colours()
    blocks = SourceBlocks(config.out, "scope")
    stage = EmbedSources(open_source(config.source), backbone, fake.SIDE, blocks)
    for task in range(stage.num_tasks):
        if not stage.is_done(task):
            stage.run(task)
    return stage, backbone


def test_embeddings_are_made_once(config: BuildConfig) -> None:
    stage, backbone = _embed(config)
    assert (stage.num_tasks, backbone.num_images) == (3, 8)
    again, backbone = _embed(config)
    assert backbone.num_images == 0
    assert np.array_equal(again.index().embeddings(), stage.index().embeddings())
    assert again.index().digests == stage.index().digests


def test_an_image_that_changed_is_embedded_again_and_no_other(config: BuildConfig) -> None:
    _embed(config)
    photos = sorted(Path(config.source).rglob("*.png"))
    os.utime(photos[2])
    assert _embed(config)[1].num_images == 0  # touched only
    fake.Image.new("RGB", (fake.SIDE, fake.SIDE), (1, 2, 3)).save(photos[1])
    stage, backbone = _embed(config)
    assert backbone.num_images == 1
    fresh = replace(config, out=config.out.with_name("fresh"))
    assert stage.index().digests == _embed(fresh)[0].index().digests


def test_grown_sources_embed_what_is_new(config: BuildConfig) -> None:
    _embed(config)
    fake.Image.new("RGB", (fake.SIDE, fake.SIDE)).save(Path(config.source) / "cat" / "00.png")
    stage, backbone = _embed(config)
    assert backbone.num_images == 1  # though all images behind it are in other blocks
    old = len(list((config.out / "sources").iterdir()))
    stage.remove_others()
    assert (old, len(list((config.out / "sources").iterdir()))) == (6, 3)


def _claim(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "build.json").read_text())
    return content


def test_a_bank_of_an_earlier_release_counts_what_it_does_not_know_as_default(
    config: BuildConfig, tmp_path: Path
) -> None:
    fake.fake_build(config)
    before = fake.files_of(config.out)
    old = _claim(config.out)
    del old["recipe"]["negative_prompt"], old["recipe"]["resolution"], old["recipe"]["noise_ratios"]
    del old["fingerprint"]["model"]["scheduler"]["use_karras_sigmas"]
    (config.out / "build.json").write_text(json.dumps(old))
    stats = {path: path.stat().st_mtime_ns for path in (config.out / "stats").iterdir()}
    fake.fake_build(config)
    assert fake.files_of(config.out) == before
    assert {path: path.stat().st_mtime_ns for path in (config.out / "stats").iterdir()} == stats
    (config.out / "build.json").write_text(json.dumps(old))
    fake.write_photos(Path(config.source), 5)
    fake.fake_build(config)  # and it grows
    (config.out / "build.json").write_text(json.dumps(old))
    with pytest.raises(FolderInUseError, match=r"recipe\.negative_prompt \('' there, 'blurry' now"):
        fake.fake_build(replace(config, negative_prompt="blurry"))


def test_a_bank_whose_plan_an_earlier_release_named_otherwise_is_taken_over(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fake_build(config)
    old = _claim(config.out)
    old["plan"]["sha256"] = "0" * 64  # without the names of classes and images
    (config.out / "build.json").write_text(json.dumps(old))
    for shard in finished_shards(config.out):
        stats = read_shard_stats(config.out, shard)
        write_stats(config.out, shard, {**stats, "build": identity(old)})
    monkeypatch.setattr(shards, "run_shard", None)  # no pair is made again
    fake.fake_build(config)
    assert _claim(config.out) != old
    counts = json.loads((config.out / "genie.json").read_text())["counts"]
    assert (counts["rows"], counts["reused"]) == (8, 8)


def _keys(out: Path) -> set[str]:
    keys = [read_shard(embeddings_path(out, n))["key"].to_pylist() for n in finished_shards(out)]
    return set().union(*keys)


def test_finished_pairs_that_the_plan_leaves_out_are_told_before_the_work(
    config: BuildConfig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = replace(config, per_class=3)
    fake.fake_build(some)
    before = _keys(some.out)
    fake.write_photos(Path(some.source), 6)  # two more a class
    with monkeypatch.context() as patch:
        patch.setattr(shards, "run_shard", None)
        with pytest.raises(TypeError):
            fake.fake_build(some)
    said = [record.getMessage() for record in caplog.records]
    fake.fake_build(some)
    left = before - _keys(some.out)
    assert 0 < len(left) < 6
    assert [m for m in said if f"leaves out {len(left)} of 6 finished pairs, which stay in" in m]
    caplog.clear()
    fake.fake_build(config)  # all pairs, so also those that were made
    fake.write_photos(Path(some.source), 7)
    fake.fake_build(config)
    assert "leaves out" not in caplog.text


def test_another_recipe_is_refused_before_anything_is_embedded(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fake_build(config)
    monkeypatch.setattr(EmbedSources, "run", None)
    with pytest.raises(FolderInUseError, match=r"recipe\.seed \(0 there, 3 now\)"):
        fake.fake_build(replace(config, seed=3))


def test_defaults_are_what_the_model_decided(config: BuildConfig) -> None:
    given = replace(config, negative_prompt="blurry", noise_ratio=0.5)
    opened = decide(fake.open_fake(given))
    defaults = defaults_of(opened)
    assert defaults["recipe"]["resolution"] == fake.SIDE
    assert defaults["recipe"]["num_inference_steps"] == 4
    assert (defaults["recipe"]["negative_prompt"], defaults["recipe"]["noise_ratio"]) == ("", 0.8)
    assert defaults["fingerprint"]["model"]["scheduler"]["solver_order"] == 2
    assert describe_rows(opened)["recipe"].keys() == defaults["recipe"].keys()


def test_a_bank_can_be_finished_without_the_distribution_of_faiss(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = __import__("index.store.finalize", fromlist=["version"])
    version = module.version

    def without_faiss(name: str) -> str:
        if name == "faiss-cpu":
            raise module.PackageNotFoundError(name)
        return str(version(name))

    monkeypatch.setattr(module, "version", without_faiss)
    fake.fake_build(config)
    versions = json.loads((config.out / "genie.json").read_text())["versions"]
    assert "faiss-cpu" not in versions
    assert versions["pyarrow"]
