"""What a generator may have learned from: half of the images, the seed's own, or none of Few's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets import LEARNED, read_learned
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool
from benchmarks.long_tail.generator import check_models, check_training_sets
from benchmarks.long_tail.run import main
from benchmarks.training import TrainingConfig
from genie_transforms import Bank, UserError
from tests.benchmarks.painted import IMBALANCE, LARGEST

_TRAINING = TrainingConfig(
    loss="balanced-softmax", num_steps=2, warmup_steps=1, batch_size=8, device="cpu"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "./nowhere"}, "no model at nowhere: the folder does not exist"),
        ({"model": "./gen-{seed}"}, "no model at gen-1: the folder does not exist"),
        ({"oracle": "small"}, "no oracle at small: give the file oracle.safetensors"),
    ],
)
def test_a_model_that_is_not_there_is_refused_before_anything_is_made(
    changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        main(LongTailConfig(**changes, seeds=(1,), arms=("genie",), work=tmp_path / "work"))  # type: ignore[arg-type]
    assert not (tmp_path / "work").exists()


def _write_model(folder: Path, learned: dict[str, Any]) -> Path:
    """Write as much of a pipeline as is looked at before it is opened."""
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline" / "model_index.json").write_text(
        '{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.32.0"}'
    )
    (folder / "train.json").write_text(json.dumps({"config": learned}))
    return folder / "pipeline"


@pytest.mark.parametrize(
    ("data", "learned", "half", "refused"),
    [
        ("fashion-mnist", {"half": "whole"}, None, True),
        ("fashion-mnist", {}, None, True),  # of a version that knew no halves
        ("fashion-mnist", {"half": "generator"}, None, False),
        ("fashion-mnist", {"half": "whole"}, "whole", False),
        ("fashion-mnist", {"half": "whole"}, "classifier", True),
        ("folder", {"half": "generator"}, None, True),  # whose images are not halved by default
        ("folder", {"half": "generator"}, "classifier", False),
        ("cifar10", {"half": "whole"}, None, False),  # it learned from another dataset
    ],
)
def test_a_generator_that_saw_the_training_images_is_refused_unless_it_is_meant(
    data: str, learned: dict[str, str], half: Any, refused: bool, tmp_path: Path
) -> None:
    trained_on = data if data != "cifar10" else "fashion-mnist"
    model = _write_model(tmp_path, {"data": trained_on, **learned})
    config = LongTailConfig(data=data, half=half, model=str(model))
    if not refused:
        check_models(config)
        return
    with pytest.raises(UserError, match=r"give --half classifier with a model .* or --half whole"):
        check_models(config)


def test_a_model_in_the_home_folder_is_known_by_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _write_model(tmp_path, {"data": "folder", "half": "whole"})
    np.save(tmp_path / LEARNED, np.array([b"one", b"two"]))
    learned = read_learned("~/pipeline")
    assert learned is not None  # or neither its name nor its images would be looked at
    assert learned.tolist() == [b"one", b"two"]
    check_models(LongTailConfig(data="folder", model="~/pipeline"))


_TAIL = {"data": "fashion-mnist", "half": "classifier", "largest": 500, "imbalance": 100.0}


@pytest.mark.parametrize(
    ("learned", "knowledge", "message"),
    [
        ({**_TAIL, "seed": 1, "leave_out": []}, "closed-world", None),
        ({**_TAIL, "seed": 2, "leave_out": []}, "closed-world", "of seed 1: seed = 2, not 1"),
        (
            {**_TAIL, "seed": 1, "leave_out": [], "imbalance": 50.0},
            "closed-world",
            r"imbalance = 50.0, not 100.0. Train one with .* --imbalance 100.0 --seed 1, and name",
        ),
        ({**_TAIL, "half": "whole", "seed": 1}, "closed-world", "half = 'whole', not 'classifier'"),
        ({**_TAIL, "seed": 1, "leave_out": ["Bag"]}, "closed-world", r"leave_out = \['Bag'\], not"),
        ({"data": "fashion-mnist", "half": "generator"}, "closed-world", "largest = None, not 500"),
        ({**_TAIL, "seed": 1}, None, "or --knowledge closed-world if it has seen nothing else"),
        (
            {**_TAIL, "half": "generator", "seed": 1},
            None,
            "from a long tail of 500 images down, seed 1: say what that makes of its figures",
        ),
        (
            {**_TAIL, "half": "generator", "leave_out": ["Bag"], "seed": 1},
            "unaware",
            "a long tail of 500 images down, seed 1 and no image of Bag",
        ),
        (
            {"data": "fashion-mnist", "half": "generator", "leave_out": ["Bag"]},
            None,
            "learned from no image of Bag: say what that makes of its figures, by --knowledge",
        ),
        (
            {"data": "fashion-mnist", "half": "generator", "leave_out": ["Bag"]},
            "unaware",
            None,
        ),
        (
            {"data": "fashion-mnist", "half": "whole", "leave_out": ["Bag"]},
            "unaware",
            "learned from the whole of fashion-mnist",
        ),
        ({"data": "cifar10"}, "unaware", "trained on fashion-mnist, and no train.json beside"),
    ],
)  # fmt: skip
def test_what_a_generator_knows_is_said_or_refused(
    learned: dict[str, Any], knowledge: Any, message: str | None, tmp_path: Path
) -> None:
    _write_model(tmp_path / "gen-1", learned)
    config = LongTailConfig(
        data="fashion-mnist", model=str(tmp_path / "gen-{seed}" / "pipeline"), seeds=(1,),
        knowledge=knowledge, arms=("genie",),
    )  # fmt: skip
    if message is None:
        check_models(config)
        return
    with pytest.raises(UserError, match=message):
        check_models(config)


@pytest.mark.parametrize("learned", [{**_TAIL, "seed": 1}, {"leave_out": ["Bag"]}])
def test_an_oracle_of_few_images_is_no_judge(learned: dict[str, Any], tmp_path: Path) -> None:
    _write_model(tmp_path, learned)
    (tmp_path / "oracle.safetensors").touch()
    config = LongTailConfig(oracle=str(tmp_path / "oracle.safetensors"), arms=("genie",))
    with pytest.raises(UserError, match="it cannot judge what is generated; give the oracle that"):
        check_models(config)


def _config(painted: Path, name: str, **changes: Any) -> LongTailConfig:
    common: dict[str, Any] = {
        "data": "folder", "root": painted / "data", "half": "classifier", "largest": LARGEST,
        "imbalance": IMBALANCE, "model": str(painted / f"{name}-{{seed}}" / "pipeline"),
        "backbone": "demo", "num_inference_steps": 2, "per_class": 2, "confused": 2, "seeds": (1,),
        "training": _TRAINING, "device": "cpu", "inversion_iterations": 2,
    }  # fmt: skip
    return LongTailConfig(**{**common, **changes})


def test_a_closed_world_is_of_the_seeds_own_images(
    closed: Path, painted: Path, tmp_path: Path
) -> None:
    config = _config(
        painted, "closed", knowledge="closed-world", arms=("none", "resampled", "txt2img", "genie"),
        work=tmp_path / "work", json=tmp_path / "out.json",
    )  # fmt: skip
    main(config)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["settings"]["knowledge"] == "closed-world"
    assert written["generator"] == [
        {"model": str(closed / "pipeline"), "oracle": None, "precision": "float32", "seeds": [1]}
    ]
    bank = json.loads((tmp_path / "work/seed-1/banks/txt2img/build.json").read_text())
    assert bank["recipe"]["model"] == str(closed / "pipeline")
    # The same settings on other images: one image of the training split has changed.
    other = tmp_path / "data"
    shutil.copytree(painted / "data", other)
    tail = open_long_tail(config, *open_pool(config), seed=1)
    path = tail.pool.images[int(tail.rows[0])]
    assert isinstance(path, Path)
    moved = other / path.relative_to(painted / "data")
    with Image.open(moved) as image:
        image.rotate(90).save(moved)
    changed = replace(config, root=other, work=tmp_path / "other")
    with pytest.raises(UserError, match="learned from other images than classifiers of seed 1"):
        main(changed)
    assert not changed.work.exists()


def _pairs(folder: Path) -> set[tuple[str, str, int]]:
    """Return source, target and seed of the noise of each negative of a bank."""
    bank = Bank.open(folder, keep=None)
    return {(row.source_id, bank.class_names[row.label], row.seed) for row in bank}


def test_an_unaware_generator_learns_the_few_classes_as_tokens(
    unaware: Path, painted: Path, tmp_path: Path
) -> None:
    config = _config(
        painted, "unaware", knowledge="unaware", work=tmp_path,
        arms=("none", "resampled", "img2img", "txt2img", "genie", "dafusion", "genie+txtinv"),
    )  # fmt: skip
    result = main(config)
    assert {name for name in result["secondary"] if "genie+txtinv" in name} == {
        f"genie+txtinv - {other}" for other in ("resampled", "txt2img", "genie")
    }
    folder = tmp_path / "seed-1"
    assert sorted(p.name for p in (folder / "tokens").iterdir()) == [
        "rain_boot.safetensors",
        "shirt.safetensors",
    ]
    for with_token, without in (("dafusion", "img2img"), ("genie+txtinv", "genie-ada")):
        bank = Bank.open(folder / "banks" / with_token, keep=None)
        prompts = {f"A photo of a <{name}>" for name in ("rain-boot", "shirt")}
        assert {row.prompt for row in bank} == prompts
        # The token is all that differs: the same sources, targets and noise, two of each class.
        assert _pairs(folder / "banks" / with_token) == _pairs(folder / "banks" / without)
        assert len(bank) == 4
    ratios = {round(row.noise_ratio, 1) for row in Bank.open(folder / "banks/genie+txtinv")}
    assert ratios == {0.8}
    # Seed 0 has other Few classes, of which this generator has seen one.
    other = replace(config, seeds=(0,), model=str(unaware / "pipeline"))
    with pytest.raises(
        UserError, match=r"is not unaware of coat, Few with seed 0: .* --leave-out coat shirt"
    ):
        check_training_sets(other, *open_pool(other))
    # What it says that it left out is held against the images that it says it learned from.
    told = tmp_path / "unaware-1"
    shutil.copytree(unaware, told)
    pool, test = open_pool(config)
    shown = pool.digests[pool.labels == pool.classes.index("shirt")][:1]
    np.save(told / LEARNED, np.unique(np.concatenate([np.load(told / LEARNED), shown])))
    with pytest.raises(UserError, match="is not unaware of shirt, Few with seed 1"):
        check_training_sets(replace(config, model=str(told / "pipeline")), pool, test)
