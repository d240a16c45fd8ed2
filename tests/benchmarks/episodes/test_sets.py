"""The few-shot evaluation on a dataset of one's own, with a small pipeline trained for it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

import benchmarks.episodes.pool as pool_module
from benchmarks.datasets import open_dataset
from benchmarks.episodes.choice import DEMO_DATA, DataChoice
from benchmarks.episodes.config import PoolConfig
from benchmarks.episodes.pool import common_build, few_shot_set, make_pool
from benchmarks.episodes.selectors import SUPERVISED, embedded_by
from benchmarks.episodes.sets import open_few_shot_set
from benchmarks.few_shot.config import FewShotConfig
from benchmarks.few_shot.run import main as few_shot
from benchmarks.small_pipeline.config import SmallPipelineConfig
from benchmarks.small_pipeline.run import main as small_pipeline
from benchmarks.small_pipeline.run import split_rows
from benchmarks.unisiam.config import UniSiamConfig
from benchmarks.unisiam.run import main as unisiam
from genie_transforms import UserError
from index.demo.weights import load_oracle
from index.sources import class_names_for

CLASSES = ("blue shoe", "green bag", "red hat")
STEPS = {f"{part}_steps": 12 for part in ("vae", "decoder", "unet", "critic", "classes", "oracle")}
UNTRAINED = "python:benchmarks.episodes.selectors:untrained"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of plain images, 40 x 36, each of its own colour."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for split in ("train", "test"):
        for channel, name in zip((2, 1, 0), CLASSES, strict=True):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 80, (36, 40, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    work = tmp_path_factory.mktemp("checkpoints")
    small_pipeline(SmallPipelineConfig(data="folder", root=root, out=out, work=work, **STEPS))
    return out


@pytest.fixture(scope="module")
def choice(root: Path, trained: Path) -> DataChoice:
    return DataChoice(name="folder", root=root, trained=trained, backbone=UNTRAINED)


def test_a_small_pipeline_is_an_ordinary_one(trained: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(trained / "pipeline", dtype=torch.float32)
    assert pipeline.unet.config.sample_size == 8
    words = pipeline.tokenizer.tokenize("A photo of a Blue Shoe")
    assert words == ["a</w>", "photo</w>", "of</w>", "a</w>", "blue</w>", "shoe</w>"]
    made = pipeline("A photo of a red hat", num_inference_steps=2, output_type="np").images
    assert made.shape == (1, 32, 32, 3)
    report = json.loads((trained / "train.json").read_text())
    assert report["config"]["unet_steps"] == 12
    assert set(report["figures"]) >= {"vae_psnr_db", "oracle_held_out_accuracy"}
    assert set(report["seconds"]) == {"vae", "decoder", "unet", "critic", "classes", "oracle"}
    assert load_oracle(trained / "oracle.safetensors").head.out_features == 3


def test_a_folder_without_splits_is_measured_on_images_that_were_not_learned(root: Path) -> None:
    config = SmallPipelineConfig(data="folder", root=root, out=root, work=root, held_out=5)
    whole = open_dataset("folder", root / "train", "train")
    rows, tested = split_rows(config, whole, open_dataset("folder", root / "train", "test"))
    assert len(tested) == 1  # a tenth of twelve
    assert sorted([*rows.tolist(), *tested]) == list(range(12))
    parted = (open_dataset("folder", root, split) for split in ("train", "test"))
    rows, tested = split_rows(config, *parted)
    assert (len(rows), len(tested)) == (12, 5)
    half = replace(config, half="generator")
    with pytest.raises(UserError, match="--half generator needs a test split"):
        split_rows(half, whole, whole)


def test_images_are_of_the_test_split_and_never_shared(choice: DataChoice, root: Path) -> None:
    data = open_few_shot_set(choice, 1, 2)
    assert data.class_names == CLASSES
    assert data.images.shape == (9, 3, 32, 32)
    assert data.labels.tolist() == [0, 1, 2, 0, 0, 1, 1, 2, 2]
    brightest = data.images.float().mean((2, 3)).argmax(1)
    assert brightest.tolist() == [2, 1, 0, 2, 2, 1, 1, 0, 0]
    assert len({image.numpy().tobytes() for image in data.images}) == 9
    # Of the training split: no image of the test split is among them.
    assert data.learned.shape == (3, 4, 3, 32, 32)
    assert data.learned.float().mean((3, 4)).argmax(2).tolist() == [[2] * 4, [1] * 4, [0] * 4]
    own = {image.numpy().tobytes() for image in data.learned.flatten(0, 1)}
    assert not own & {image.numpy().tobytes() for image in data.images}
    assert data.masks is None
    assert np.isnan(data.background_psnr(data.support[:, None], np.arange(3))).all()
    test = open_dataset("folder", root, "test")
    exact = {np.asarray(test[row][0]).tobytes() for row in range(len(test))}
    assert len(exact) == 12


@pytest.mark.parametrize(
    ("per_class", "classes", "message"),
    [
        (3, (), "class 'blue shoe' of folder has 4 test images, 3 for support and 2 queries"),
        (1, ("red hat", "tie"), r"folder has no classes \['tie'\]; choose among blue shoe, green"),
    ],
)
def test_what_a_dataset_lacks_is_named(
    choice: DataChoice, per_class: int, classes: tuple[str, ...], message: str
) -> None:
    settings = {"name": "folder", "root": choice.root, "trained": choice.trained}
    asked = DataChoice(backbone=UNTRAINED, classes=classes, **settings)
    with pytest.raises(ValueError, match=message):
        open_few_shot_set(asked, per_class, 2)


@pytest.mark.parametrize("part", [{"largest": 500}, {"leave_out": ["red hat"]}])
def test_a_generator_of_a_part_is_refused(
    choice: DataChoice, trained: Path, part: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "part")
    about = json.loads((trained / "train.json").read_text())
    about["config"] |= part
    (tmp_path / "part" / "train.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"part learned from a part of the images, with \{'l"):
        open_few_shot_set(replace(choice, trained=tmp_path / "part"), 1, 2)


def test_an_encoder_that_saw_the_classes_is_refused(
    choice: DataChoice, root: Path, tmp_path: Path
) -> None:
    seen = UniSiamConfig(
        data="folder", root=root, classes=("red hat", "green bag"), steps=20, batch_size=4,
        test_split=None, work=tmp_path, out=tmp_path / "encoder.pth",
    )  # fmt: skip
    unisiam(seen)
    own = replace(choice, backbone=f"unisiam:{seen.arch}:{seen.out}")
    with pytest.raises(UserError, match="was trained on images of green bag, red hat, which shall"):
        open_few_shot_set(own, 1, 2)
    novel = open_few_shot_set(replace(own, classes=("blue shoe",)), 1, 2)
    assert novel.class_names == ("blue shoe",)


def test_prompts_speak_of_classes_as_the_generator_learned_them(
    choice: DataChoice, tmp_path: Path
) -> None:
    config = PoolConfig(per_class=1, queries_per_class=1, work=tmp_path, data=choice)
    data = few_shot_set(config)
    assert [name.display for name in data.spoken] == list(CLASSES)
    spoken = tuple(replace(name, display=f"one {name.display}") for name in data.spoken)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_module, "few_shot_set", lambda _: replace(data, spoken=spoken))
        settings = common_build(config)
    prompts = class_names_for(settings["class_names"], CLASSES)
    assert [name.display for name in prompts] == [f"one {name}" for name in CLASSES]
    demo = common_build(replace(config, data=DEMO_DATA))
    assert demo["class_names"] == ""  # its folders' names do


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "shoes"}, "unknown dataset 'shoes'; choose among demo, folder"),
        ({"root": Path("x")}, "the demo has its own classes and models"),
        ({"name": "folder", "root": Path("x")}, "folder needs data.root, the folder that holds"),
    ],
)
def test_a_wrong_choice_is_refused(settings: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        DataChoice(**settings)


def test_the_table_of_a_dataset_of_ones_own(choice: DataChoice, tmp_path: Path) -> None:
    common = {"work": tmp_path / "pool", "per_class": 2, "num_inference_steps": 4, "data": choice}
    with pytest.raises(ValueError, match="cap2aug needs captions, which folder does not have"):
        FewShotConfig(arms=("cap2aug",), **common)
    # Four test images a class: two for the support, too few for 40 queries.
    with pytest.raises(ValueError, match="2 for support and 40 queries are needed"):
        few_shot(FewShotConfig(n_way=3, k_shot=(1,), **common))
    config = PoolConfig(queries_per_class=2, variations=2, **common)
    pool, data = make_pool(config), few_shot_set(config)
    assert set(pool.same_class) == {"img2img-low", "img2img-high"}
    assert pool.swept.images.shape == (6, 3, 8, 3, 32, 32)
    named = np.array(data.names_of(pool.swept.images[0, 1:].flatten(0, 1))).reshape(2, 8)
    assert np.array_equal(pool.swept.hits[0, 1:], named == np.array(CLASSES)[1:, None])
    assert np.isnan(pool.swept.psnr).all()
    oracle = load_oracle(data_path(choice))
    with torch.inference_mode():
        features = oracle.features(pool.images.float() / 255 * 4 - 2)
    wanted = torch.nn.functional.normalize(features).numpy()
    seen = embedded_by(pool, SUPERVISED, tmp_path)
    assert seen.embeddings == pytest.approx(wanted, abs=1e-5)


def data_path(choice: DataChoice) -> Path:
    return Path(str(choice.trained)) / "oracle.safetensors"


def test_the_demo_is_the_default() -> None:
    config = FewShotConfig(work=Path("nowhere"))
    assert config.data is DEMO_DATA
    assert "cap2aug" in config.wanted
    assert config.pool().data.num_classes == 6
