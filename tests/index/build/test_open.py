"""What can be refused is refused before a model is loaded: here no model could be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genie_transforms import FolderInUseError, MissingFileError, UserError
from index.build import build, main
from index.build.open import check_factory, choose_backbone
from index.config import BuildConfig
from index.demo.scenes import Scenes

CLASSES = ("arrow", "drop", "fish")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """A folder of images, the name of a model that cannot be loaded, and no backbone."""
    Scenes(1, classes=CLASSES, seed=1).write_image_folder(tmp_path / "photos")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    return {
        "source": str(tmp_path / "photos"),
        "out": tmp_path / "bank",
        "model": str(tmp_path / "model"),
        "backbone": "torchvision:resnet18:/nowhere/weights.pt",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": "neerest:5"}, "got 'neerest:5'"),
        ({"pairs": "nearest:0"}, "with K at least 1"),
        ({"index_factory": "Flatt"}, "FAISS knows no index 'Flatt'"),
        ({"index_factory": "PQ8x99"}, "FAISS knows no index 'PQ8x99'"),
        ({"index_factory": "LSH"}, "for inner products"),
        ({"only_classes": ("drop", "cow")}, r"only_classes \['cow'\] are none of the classes"),
        ({"prompt": "A {colour} {target}"}, "only placeholders are {target} and {superclass}"),
        ({"prompt": "A {target}, a {superclass}"}, "needs the superclass of 'arrow'"),
        ({"source": "/nowhere/photos"}, "no such folder"),
    ],
)
def test_settings(settings: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(BuildConfig(**{**settings, **change}))
    assert not settings["out"].exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": "/nowhere/names.json"}, "no class names at"),
        ({"pairs": "confusion:1", "confusion": "/nowhere/c.npy"}, "no confusion matrix at"),
        ({"method": "cap2aug", "captions": "/nowhere/c.json"}, "no captions at"),
        ({"inversions": Path("/nowhere/tokens")}, "no token for 3 of 3 classes"),
    ],
)
def test_missing_files(settings: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(MissingFileError, match=message):
        build(BuildConfig(**settings, **change))
    assert not settings["out"].exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_ratio": 0.3}, r"--noise-ratio 0\.3 is not for --method genie-ada: add --method "),
        ({"noise_ratio": 0.3, "method": "txt2img"}, r"--noise-ratio 0\.3 is not for --method txt"),
        ({"confusion": "c.npy"}, "--confusion c.npy is not for --pairs all: add --pairs confusion"),
        ({"confusion": "c.npy", "pairs": "nearest:1"}, "--confusion c.npy is not for --pairs near"),
    ],
)
def test_settings_of_another_build_are_refused(
    settings: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(BuildConfig(**settings, **change))
    assert not settings["out"].exists()


@pytest.mark.parametrize(
    ("change", "unused"),
    [
        ({"method": "genie", "noise_ratio": 0.3, "ada": "preview", "ada_steps": 2}, []),
        ({"method": "txt2img", "noise_ratio": 1.0, "pairs": "nearest:1"}, []),
        ({"ada": "preview", "ada_steps": 2, "ada_guidance": False, "rule": "passes"}, []),
        (
            {"method": "genie", "noise_ratios": (0.5, 0.9), "rule": "passes"},
            ["noise_ratios = (0.5, 0.9) is not for --method", "rule = passes is not for --method"],
        ),
        (
            {"ada_steps": 2, "ada_guidance": False},
            ["ada_steps = 2 is not for --ada full", "ada_guidance = False is not for --ada full"],
        ),
        ({"method": "img2img", "pairs": "nearest:1"}, ["pairs = nearest:1 is not for --method"]),
    ],
)
def test_settings_that_change_nothing_are_warned_of(
    settings: dict[str, Any],
    change: dict[str, Any],
    unused: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ValueError, match=r"/nowhere/weights\.pt"):  # all else is accepted
        build(BuildConfig(**settings, **change))
    said = [record.getMessage() for record in caplog.records]
    said = [message for message in said if "it is not used" in message]
    assert len(said) == len(unused)
    assert all(one.startswith(start) for one, start in zip(said, unused, strict=True))


def test_a_bank_that_was_begun_with_a_setting_that_is_refused_now_continues(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings["out"].mkdir()
    (settings["out"] / "build.json").write_text("{}")
    with pytest.raises(ValueError, match=r"/nowhere/weights\.pt"):
        build(BuildConfig(**settings, noise_ratio=0.3))
    assert "--noise-ratio 0.3 is not for --method genie-ada: it is not used" in caplog.text


def test_files_that_do_not_fit(settings: dict[str, Any], tmp_path: Path) -> None:
    np.save(tmp_path / "confusion.npy", np.eye(2))
    confusion = {"pairs": "confusion:1", "confusion": str(tmp_path / "confusion.npy")}
    with pytest.raises(ValueError, match="there are 3 classes"):
        build(BuildConfig(**settings, **confusion))
    captions = tmp_path / "captions.json"
    captions.write_text("{}")
    with pytest.raises(ValueError, match="no caption for 3 of 3 images"):
        build(BuildConfig(**settings, method="cap2aug", captions=str(captions)))
    written = {"captions": str(tmp_path / "new.csv"), "captioner": "/nowhere/blip"}
    with pytest.raises(UserError, match=r"a captioner writes a \.json file"):
        build(BuildConfig(**settings, method="cap2aug", **written))


def test_a_folder_of_something_else(settings: dict[str, Any]) -> None:
    settings["out"].mkdir()
    (settings["out"] / "thesis.tex").write_text("all of it")
    with pytest.raises(FolderInUseError, match="not empty and not a bank"):
        build(BuildConfig(**settings))


def test_a_backbone_is_refused_before_the_diffusion_model_is_loaded(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=r"/nowhere/weights\.pt"):
        build(BuildConfig(**settings))
    with pytest.raises(ValueError, match="FAISS knows no index 'PQ5'"):  # the demo's has no 5 k
        build(BuildConfig(**{**settings, "backbone": "demo"}, index_factory="PQ5"))


def test_a_model_that_is_not_there_is_refused_before_a_backbone_is_downloaded(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(UserError, match="no model at /nowhere/model: the folder does not exist"):
        build(BuildConfig(**{**settings, "model": "/nowhere/model"}))


@pytest.mark.parametrize(
    ("change", "chosen"),
    [
        ({}, "demo"),
        ({"source": "photos"}, "torchvision:resnet50"),
        ({"model": "sd"}, "torchvision:resnet50"),
        ({"source": "photos", "backbone": "timm:vit"}, "timm:vit"),
    ],
)
def test_the_default_backbone_knows_such_images(
    change: dict[str, Any], chosen: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_backbone(BuildConfig(**change)) == chosen
    assert caplog.text == ""


def test_the_demos_backbone_is_taken_for_others_only_if_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert choose_backbone(BuildConfig(source="photos", backbone="demo")) == "demo"
    assert "64-pixel shapes, and decides r*, on_target" in caplog.text


def test_without_the_default_weights_it_says_what_to_give(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(MissingFileError, match="no --backbone was given") as refused:
        build(BuildConfig(**{**settings, "backbone": ""}))
    for advice in ("no route", "torchvision:resnet50:CHECKPOINT", "transformers:FOLDER"):
        assert advice in str(refused.value)
    assert not settings["out"].exists()


@pytest.mark.parametrize(
    "factory", ["Flat", "HNSW32", "IVF4096,PQ64", "PQ48", "OPQ48,PQ48", "IVF16,PQ7x4fs", "SQ8"]
)
def test_what_some_dimension_can_take_is_not_refused(factory: str) -> None:
    check_factory(factory)


def test_a_mistake_is_one_line_and_exit_status_2(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [f"--{name}={value}" for name, value in settings.items()]
    for mistake, message in (
        ("--pairs=neerest:5", "neerest:5"),
        ("--index-factory=Flatt", "error: FAISS knows no index 'Flatt'"),
        ("--only-classes=cow", "error: only_classes ['cow'] are none of the classes"),
    ):
        with pytest.raises(SystemExit) as stop:
            main([*flags, *mistake.split("=")])
        assert stop.value.code == 2
        assert message in caplog.text + capsys.readouterr().err


def test_names_that_a_model_may_confuse_are_warned_of(
    settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = {"arrow": "fox", "drop": "red fox", "fish": "fish"}
    (tmp_path / "names.json").write_text(json.dumps(names))
    with pytest.raises(ValueError, match="weights"):
        build(BuildConfig(**settings, class_names=str(tmp_path / "names.json")))
    assert "'fox' is part of 'red fox'" in caplog.text
    assert "fish" not in caplog.text


def test_wordnet_ids_in_prompts_are_warned_of(
    settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "names.json").write_text('{"arrow": "n01440764"}')
    with pytest.raises(ValueError, match="weights"):
        build(BuildConfig(**settings, class_names=str(tmp_path / "names.json")))
    assert "classes are called ['n01440764'] … in prompts: --class-names FILE" in caplog.text
