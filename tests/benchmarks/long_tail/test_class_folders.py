"""Class folders of small photographs, from a generator of their own to the table: CIFAR-10-LT."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import StableDiffusionPipeline
from PIL import Image

from benchmarks.datasets import LEARNED, open_dataset, read_learned, rows_of_half, write_learned
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool
from benchmarks.long_tail.generator import check_models
from benchmarks.long_tail.learned import check_learned
from benchmarks.long_tail.run import main as long_tail
from benchmarks.small_pipeline.check import CheckConfig
from benchmarks.small_pipeline.config import SmallPipelineConfig
from benchmarks.small_pipeline.oracle import main as check
from benchmarks.small_pipeline.run import main as small_pipeline
from benchmarks.training import TrainingConfig
from genie_transforms import Bank, UserError

CLASSES = ("airplane", "cat", "ship")
STEPS = {f"{part}_steps": 11 for part in ("vae", "decoder", "unet", "oracle")}
ARMS = ("none", "resampled", "txt2img", "genie", "real-g")


def write_folders(root: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    for split, count in (("train", 16), ("test", 3)):
        for channel, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 90, (32, 32, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / f"{number:04d}.jpg")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("photos"), seed=0)


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    config = SmallPipelineConfig(
        data="folder", root=root, out=out, work=tmp_path_factory.mktemp("checkpoints"),
        half="generator", vae_factor=2, classes_steps=0, **STEPS,
    )  # fmt: skip
    small_pipeline(config)
    return out


@pytest.fixture(scope="module")
def config(root: Path, trained: Path) -> LongTailConfig:
    return LongTailConfig(
        data="folder", root=root, half="classifier", largest=8, imbalance=4.0, per_class=2,
        confused=1, num_inference_steps=3, seeds=(0,), arms=ARMS, device="cpu",
        model=str(trained / "pipeline"), oracle=str(trained / "oracle.safetensors"),
        backbone="python:benchmarks.episodes.selectors:untrained",
        training=TrainingConfig(
            model="resnet32", loss="balanced-softmax", num_steps=2, warmup_steps=1, batch_size=8,
            device="cpu",
        ),
    )  # fmt: skip


def test_latents_are_half_as_large_as_images(trained: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "pipeline")
    assert (pipeline.unet.config.sample_size, pipeline.vae.config.sample_size) == (16, 32)
    about = json.loads((trained / "train.json").read_text())["config"]
    assert (about["vae_factor"], about["half"]) == (2, "generator")


def test_what_the_oracle_sees_is_measured_and_too_little_ends_the_command(
    root: Path, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "check.json"
    asked = CheckConfig(
        trained=trained, root=root, per_class=2, num_inference_steps=3, device="cpu", json=path
    )
    found = check(asked)
    shares = found["txt2img"]["by_class"]
    assert list(shares) == list(CLASSES)
    assert found["txt2img"]["oracle_accuracy"] == pytest.approx(np.mean(list(shares.values())))
    assert (found["txt2img"]["images"], found["real"]["images"]) == (6, 9)
    about = json.loads((trained / "train.json").read_text())
    held_out = about["figures"]["oracle_held_out_accuracy"]
    assert found["real"]["oracle_accuracy"] == pytest.approx(held_out, abs=1e-3)
    written = json.loads(path.read_text())
    assert {"machine", "versions", "command", "txt2img", "real"} <= written.keys()
    assert (written["training"]["half"], written["settings"]["num_inference_steps"]) == (
        "generator",
        3,
    )
    path.unlink()
    assert found["txt2img"]["oracle_accuracy"] < 1
    with pytest.raises(SystemExit) as stop:
        check(replace(asked, least=1.0))
    assert stop.value.code == 1
    assert path.exists()
    assert re.search(r"the oracle sees the class in .* but --least wants 100\.0", caplog.text)


def test_all_arms_run_on_the_half_that_the_generator_has_not_seen(
    config: LongTailConfig, tmp_path: Path
) -> None:
    config = replace(config, work=tmp_path, json=tmp_path / "cifar_lt.json")
    long_tail(config)
    written = json.loads((tmp_path / "cifar_lt.json").read_text())
    assert [entry["arm"] for entry in written["arms"]] == list(ARMS)
    assert set(written["comparisons"]) == {"P1", "P3"}
    bank = Bank.open(tmp_path / "seed-0" / "banks" / "genie-ada", keep=None)
    assert bank.image(0).size == (32, 32)
    pool, test = open_pool(config)
    tail = open_long_tail(config, pool, test, seed=0)
    assert sorted(tail.counts.tolist()) == [2, 4, 8]
    learned = read_learned(config.model)
    assert learned is not None
    assert sorted(pool.digests[tail.generator_rows].tolist()) == learned.tolist()
    assert not np.isin(pool.digests[tail.rows], learned).any()


def _refused(message: str, config: LongTailConfig, **changes: Any) -> None:
    changed = replace(config, **changes)
    check_models(changed)  # which leaves it to the images, since the model says which they were
    with pytest.raises(UserError, match=message):
        check_learned(changed, open_pool(changed)[0])


def _accepted(config: LongTailConfig, **changes: Any) -> None:
    changed = replace(config, **changes)
    check_models(changed)
    check_learned(changed, open_pool(changed)[0])


def test_a_generator_is_known_by_what_it_learned_not_by_the_name_of_the_folder(
    config: LongTailConfig, root: Path, tmp_path: Path
) -> None:
    _accepted(config)
    # The whole of the folder has the 24 images that it learned from, unless that is meant.
    saw = r"learned from 24 of the 48 images .*: give --half classifier .*, or --half whole"
    _refused(saw, config, half=None)
    _accepted(config, half="whole")
    # A copy elsewhere has the same images; another folder has not, and needs no halves.
    copied = tmp_path / "copy"
    shutil.copytree(root, copied)
    _refused(saw, config, half=None, root=copied)
    _accepted(config, root=copied)
    other = write_folders(tmp_path / "other", seed=1)
    _accepted(config, half=None, root=other)
    _refused("only 0 of its 24 are in .*other.* give --half whole", config, root=other)
    _accepted(config, half="whole", root=other)


def test_a_generator_of_the_classifiers_half_is_refused(
    config: LongTailConfig, root: Path, tmp_path: Path
) -> None:
    model = tmp_path / "pipeline"
    shutil.copytree(config.model, model)
    shutil.copy(Path(config.model).with_name("train.json"), tmp_path)
    pool = open_dataset("folder", root, "train")
    write_learned(tmp_path, pool, rows_of_half(pool, "classifier")[:5])
    _refused("learned from 5 of the 24 images", config, model=str(model))
    # As it says itself, it learned from the other half: without the images that is believed.
    (tmp_path / LEARNED).unlink()
    _accepted(config, model=str(model))


def test_the_control_takes_only_images_that_the_generator_learned_from(
    config: LongTailConfig, root: Path, tmp_path: Path
) -> None:
    pool, test = open_pool(config)
    rows = rows_of_half(pool, "generator")[::3]
    write_learned(tmp_path, pool, rows)
    tail = open_long_tail(replace(config, model=str(tmp_path / "pipeline")), pool, test, seed=0)
    assert tail.generator_rows.tolist() == rows.tolist()


def test_what_a_check_cannot_measure_is_refused(root: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"least must lie in \[0, 1\], got 60"):
        CheckConfig(trained=trained, root=root, least=60)
    with pytest.raises(UserError, match=r"no train\.json in .*: benchmarks\.small_pipeline writes"):
        check(CheckConfig(trained=tmp_path, root=root))
    fewer = tmp_path / "fewer"
    shutil.copytree(root, fewer)
    shutil.rmtree(fewer / "test" / "ship")
    with pytest.raises(UserError, match=r"have other classes, such as \['ship'\]"):
        check(CheckConfig(trained=trained, root=fewer))
    shutil.rmtree(fewer / "train" / "ship")
    with pytest.raises(UserError, match=r"knows 3 classes, and .*fewer has 2"):
        check(CheckConfig(trained=trained, root=fewer))
