"""A tiny ResNet-10, trained for a few steps on stripes and dots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.datasets import open_dataset, pixels_of
from benchmarks.episodes import Episode
from benchmarks.unisiam import run as unisiam
from benchmarks.unisiam.config import UniSiamConfig
from benchmarks.unisiam.run import (
    Group,
    check_memory,
    embed,
    initial_model,
    main,
    rows_of,
    split_test,
)
from benchmarks.unisiam.views import random_views
from genie_transforms import FolderInUseError, UserError
from index.embed import load_backbone
from index.train import FitSettings

CLASSES = ["across", "down", "grid", "plain"]


def _image(name: str, rng: np.random.Generator) -> Image.Image:
    wave = np.sin(np.arange(32) * rng.uniform(0.6, 1.2) + rng.uniform(0, 6))
    across, down = np.zeros((32, 32)) + wave[:, None], np.zeros((32, 32)) + wave
    shape = {"across": across, "down": down, "grid": across * down, "plain": across * 0}[name]
    levels = 128 + 100 * shape[..., None] * rng.uniform(0.5, 1, 3) + rng.normal(0, 4, (32, 32, 3))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("patterns"), np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 6)):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for k in range(count):
                _image(name, rng).save(folder / split / name / f"{k}.png")
    return folder


@pytest.fixture
def config(root: Path, tmp_path: Path) -> UniSiamConfig:
    return UniSiamConfig(
        data="folder",
        root=root,
        classes=("across", "1"),
        arch="resnet10",
        resolution=32,
        steps=20,
        batch_size=16,
        learning_rate=1e-3,
        shots=3,
        work=tmp_path / "work",
        out=tmp_path / "encoder.pth",
    )


def _pixels(root: Path) -> Tensor:
    data = open_dataset("folder", root, "train")
    return pixels_of(data, list(range(len(data))), 32)


def _closeness(model: unisiam.UniSiam, pixels: Tensor, config: UniSiamConfig) -> float:
    """How much nearer two views of one image are than those of two images, as cosines."""
    rng = torch.Generator().manual_seed(9)
    first, second = (embed(model.encoder, config, _bytes(pixels, rng)) for _ in range(2))
    first, second = first - first.mean(0), second - second.mean(0)
    first, second = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (first, second))
    cosines = first @ second.T
    return float(np.diag(cosines).mean() - cosines.mean())


def _bytes(pixels: Tensor, rng: torch.Generator) -> Tensor:
    return (random_views(pixels, rng) * 255).byte()


def test_training_brings_views_of_one_image_together(config: UniSiamConfig) -> None:
    pixels = _pixels(config.root)
    longer = replace(config, steps=40)
    trained, seconds = unisiam.train(longer, pixels)
    assert seconds > 0
    before, after = (_closeness(m, pixels, config) for m in (initial_model(config), trained))
    assert after > before + 0.1


def test_the_file_embeds_as_the_network_did(config: UniSiamConfig) -> None:
    result = main(config)
    written = torch.load(config.out, weights_only=True)
    assert written["resolution"] == 32
    assert {key.partition(".")[0] for key in written["model"]} == {"encoder", "proj", "pred"}

    model, _ = unisiam.train(config, _pixels(config.root))  # has finished: loads its checkpoint
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    backbone = load_backbone(f"unisiam:resnet10:{config.out}")
    np.testing.assert_allclose(backbone(images), embed(model.encoder, config, images), atol=1e-6)

    assert result["training_images"] == 48  # two of four classes
    figures = json.loads((config.out.parent / "encoder.json").read_text())["centroid_accuracy"]
    assert figures["trained"]["classes"] == ["across", "down"]
    assert figures["other"]["classes"] == ["grid", "plain"]
    assert figures["other"]["images"] == 12
    for group in figures.values():
        assert 0 <= group["accuracy"] <= 1
        assert group["untrained_accuracy"] > 0.4  # chance is a half

    with pytest.raises(FolderInUseError, match=r"was begun with \{'steps': 20\}: remove it"):
        main(replace(config, steps=21))
    # A file that says of other images that it has learned from them would call classes novel.
    renamed = config.root.parent / "renamed"
    shutil.copytree(config.root, renamed)
    for image in renamed.rglob("across/*.png"):
        Image.open(image).rotate(90).save(image)
    with pytest.raises(FolderInUseError, match=r"was begun with \{'images': "):
        main(replace(config, root=renamed))


def test_accuracy_is_that_of_the_nearest_centroid() -> None:
    angles = np.radians([0, 40, 50, 90, 80, 10])  # the first three are of one class
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    ends = Episode((0, 1), ((0,), (3,)), ((1, 2), (4, 5)))  # split at 45 degrees: 40 and 80 right
    means = Episode((0, 1), ((0, 1), (3, 4)), ((2,), (5,)))  # 20 and 85, split at 52.5: 50 right
    group = Group(np.arange(6), [ends, means, ends, ends])
    assert group.accuracy(embeddings) == 0.5
    assert Group(np.arange(6), [Episode((0, 1), ((0,), (3,)), ((1,), (4,)))]).accuracy(
        embeddings
    ) == pytest.approx(1)


def test_test_images_are_split_by_the_trained_classes(root: Path) -> None:
    test = open_dataset("folder", root, "test")
    groups = split_test(test, {"across", "grid"}, 2)
    assert groups["trained"].rows.tolist() == [*range(6), *range(12, 18)]
    assert groups["other"].rows.tolist() == [*range(6, 12), *range(18, 24)]
    for group in groups.values():
        for episode in group.episodes:
            assert {row // 6 for row in episode.support_rows.tolist()} == {0, 1}
            used = np.concatenate([episode.support_rows, episode.query_rows])
            assert sorted(used.tolist()) == list(range(12))
    assert set(split_test(test, set(CLASSES), 2)) == {"trained"}
    with pytest.raises(UserError, match="has 6 test images, of which --shots 6 for its centroid"):
        split_test(test, {"across"}, 6)


def test_a_resumed_training_equals_an_uninterrupted_one(
    config: UniSiamConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = _pixels(config.root)

    def failing(after: int) -> Callable[[Tensor, torch.Generator, float, float], Tensor]:
        left = iter(range(after))

        def views(images: Tensor, rng: torch.Generator, min_area: float, jitter: float) -> Tensor:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return random_views(images, rng, min_area, jitter)

        return views

    monkeypatch.setattr(unisiam, "FitSettings", partial(FitSettings, checkpoint_every=4))
    whole, _ = unisiam.train(replace(config, work=config.work / "whole"), pixels)
    with monkeypatch.context() as patch:
        patch.setattr(unisiam, "random_views", failing(after=13))  # in the seventh step
        with pytest.raises(KeyboardInterrupt):
            unisiam.train(config, pixels)
    resumed, _ = unisiam.train(config, pixels)
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[key], value, rtol=0, atol=0)


def test_classes_are_chosen_by_name_or_label(root: Path) -> None:
    data = open_dataset("folder", root, "test")
    assert rows_of(data, ("down", "3")) == [*range(6, 12), *range(18, 24)]
    assert rows_of(data, ()) == list(range(24))
    for unknown in ("dots", "4", "-1"):
        with pytest.raises(UserError, match=f"unknown class '{unknown}'; choose among across, d"):
            rows_of(data, ("down", unknown))


def test_bad_settings_are_refused_before_training(config: UniSiamConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown arch 'resnet9'; choose among resnet10"):
        replace(config, arch="resnet9")
    with pytest.raises(ValueError, match="resolution must be 32 or more, got 16"):
        replace(config, resolution=16)
    with pytest.raises(ValueError, match="learning_rate must be positive, got 0"):
        replace(config, learning_rate=0)
    with pytest.raises(ValueError, match=r"min_area must be 1 or less, got 1\.5"):
        replace(config, min_area=1.5)
    with pytest.raises(ValueError, match=r"jitter must lie in \[0, 1\], got -0\.1"):
        replace(config, jitter=-0.1)
    with pytest.raises(ValueError, match="'test' is trained on"):
        replace(config, split="test")
    with pytest.raises(ValueError, match="across has 6 test images, of which --shots 7"):
        main(replace(config, shots=7))
    with pytest.raises(UserError, match=r"take 3072\.0 GiB"):
        check_memory(2**20, 1024)
    for name in CLASSES:
        (tmp_path / "flat" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "flat" / name / "0.png")
    with pytest.raises(UserError, match="is not split: give `--test-split None`"):
        main(replace(config, root=tmp_path / "flat", classes=()))
    assert not config.out.exists()
    assert not config.work.exists()
