"""Checkpoints of one training are not taken for another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from genie_transforms import FolderInUseError, UserError
from index.train import StageConfig, TrainingSet, claim_folder, train_pipeline
from index.train.claim import about_training


def _data(level: int = 0) -> TrainingSet:
    pixels = torch.full((4, 3, 16, 16), level, dtype=torch.uint8)
    return TrainingSet(pixels, torch.tensor([0, 1, 0, 1]), ("cat", "dog"))


def test_the_same_settings_go_on_and_others_are_named(tmp_path: Path) -> None:
    claim_folder(tmp_path / "work", {"seed": 0, "steps": [1, 2]})
    claim_folder(tmp_path / "work", {"seed": 0, "steps": (1, 2)})  # as JSON they are the same
    with pytest.raises(FolderInUseError, match=r"work was begun with \{'seed': 0\}: remove it"):
        claim_folder(tmp_path / "work", {"seed": 1, "steps": [1, 2]})


def test_checkpoints_of_a_training_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vae.pt").write_bytes(b"")
    with pytest.raises(FolderInUseError, match=r"vae\.pt is of a training that nobody knows"):
        claim_folder(tmp_path, {"seed": 0})


def test_whatever_decides_the_weights_decides_whose_folder_it_is(tmp_path: Path) -> None:
    config = StageConfig(out=tmp_path / "out", work=tmp_path / "work")
    own = about_training(config, _data(), 2.0)
    assert own == about_training(replace(config, out=tmp_path, work=tmp_path), _data(), 2.0)
    others = [
        about_training(replace(config, seed=1), _data(), 2.0),
        about_training(replace(config, unet_steps=20), _data(), 2.0),
        about_training(replace(config, vae_factor=2), _data(), 2.0),
        about_training(config, _data(), 3.4),
        about_training(config, _data(level=1), 2.0),
        about_training(config, replace(_data(), class_names=("cat", "fox")), 2.0),
        about_training(config, replace(_data(), captions=("a", "b", "c", "d")), 2.0),
    ]
    assert all(other != own for other in others)


def test_folders_from_before_there_was_a_factor_go_on_with_that_of_then(tmp_path: Path) -> None:
    config = StageConfig(out=tmp_path / "out", work=tmp_path / "work")
    own = about_training(config, _data(), 2.0)
    claim_folder(config.work, {name: own[name] for name in own if name != "vae_factor"})
    claim_folder(config.work, own)
    smaller = about_training(replace(config, vae_factor=2), _data(), 2.0)
    with pytest.raises(FolderInUseError, match=r"was begun with \{'vae_factor': 4\}"):
        claim_folder(config.work, smaller)
    claim_folder(tmp_path / "other", smaller)
    with pytest.raises(FolderInUseError, match=r"was begun with \{'vae_factor': 2\}"):
        claim_folder(tmp_path / "other", own)


def test_a_pipeline_of_other_images_is_not_taken_from_the_checkpoints(tmp_path: Path) -> None:
    config = StageConfig(out=tmp_path / "out", work=tmp_path / "work")
    claim_folder(config.work, about_training(config, _data(), 2.0))
    with pytest.raises(FolderInUseError, match="'data'"):
        train_pipeline(config, _data(level=1))


def test_names_that_are_one_prompt_are_refused(tmp_path: Path) -> None:
    config = StageConfig(out=tmp_path / "out", work=tmp_path / "work")
    with pytest.raises(UserError, match="classes 'дуб' and 'ель' would have one prompt"):
        train_pipeline(config, replace(_data(), class_names=("дуб", "ель")))
    assert not config.work.exists()  # so that it is free for other names


def test_a_folder_that_does_not_say_a_setting_is_of_an_earlier_version(tmp_path: Path) -> None:
    claim_folder(tmp_path / "work", {"seed": 0})
    with pytest.raises(FolderInUseError, match="does not say its images, as one that an earlier"):
        claim_folder(tmp_path / "work", {"seed": 0, "images": "1f"})
