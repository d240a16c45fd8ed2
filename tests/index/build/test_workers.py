"""Several processes make the bank that one makes, also when they die."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genie_transforms import BankError, UserError
from index.build import build, workers
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.embed import Backbone


class Fragile(Backbone):
    """Means of four parts of the image; ends its process at some calls, if a file says so."""

    name, dimension = "fragile", 12

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fingerprint(self) -> dict[str, Any]:
        return {"name": "fragile"}

    def features(self, images: Tensor) -> Tensor:
        deaths = self.folder / "deaths"
        left = int(deaths.read_text()) if deaths.exists() else 0
        if left and os.environ.get("GENIE_OWNER") != str(os.getpid()):
            deaths.write_text(str(left - 1))
            os._exit(9)
        return torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)


def fragile() -> Fragile:
    """Open the backbone, as `--backbone python:…` does."""
    return Fragile(Path(os.environ["GENIE_FRAGILE"]))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes of three classes."""
    root = tmp_path_factory.mktemp("scenes")
    Scenes(2, classes=("star", "ring", "heart"), seed=1).write_image_folder(root)
    return root


@pytest.fixture
def settings(
    scenes: Path, stable_diffusion_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setenv("GENIE_FRAGILE", str(tmp_path))
    monkeypatch.setenv("GENIE_OWNER", str(os.getpid()))
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    return {
        "source": str(scenes),
        "model": str(stable_diffusion_folder),
        "backbone": f"python:{__name__}:fragile",
        "num_inference_steps": 4,
        "noise_ratios": (0.5, 0.8),
        "resolution": 16,
        "pairs_per_shard": 3,
        "preview": 0,
        "device": "cpu",
    }


def _content(bank: Path) -> dict[str, bytes]:
    """Everything but seconds and what only a build needs."""
    kept = ("*.arrow", "embeddings/*", "index/*", "genie.json", "state.json", "build.json")
    return {
        str(path.relative_to(bank)): path.read_bytes()
        for pattern in kept
        for path in sorted(bank.glob(pattern))
    }


def test_workers_make_the_same_bank_also_if_one_dies(
    settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alone = build(BuildConfig(**settings, out=tmp_path / "one"))
    (tmp_path / "deaths").write_text("1")
    # Also where the bank is sent elsewhere, which the owner does.
    place = tmp_path / "there" / "two"
    there: dict[str, Any] = {"out": place.as_uri(), "staging": tmp_path / "staging"}
    several = build(BuildConfig(**settings, **there, workers=2))
    assert (tmp_path / "deaths").read_text() == "0"
    assert "a worker died" in caplog.text
    assert _content(alone) == _content(several) == _content(place)
    assert len(_content(alone)) > 8


def test_workers_that_always_die_stop_the_build_which_then_goes_on(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MOST_DEATHS", 1)  # each costs the start of two processes
    (tmp_path / "deaths").write_text("99")
    config = BuildConfig(**settings, out=tmp_path / "bank", workers=2)
    with pytest.raises(BankError, match=r"workers died 1 times.*fewer --workers"):
        build(config)
    (tmp_path / "deaths").write_text("0")
    assert build(BuildConfig(**settings, out=tmp_path / "bank")).is_dir()


def test_a_dataset_that_cannot_be_sent_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    class Local:
        classes = ("a", "b")
        targets = (0, 1)

        def __len__(self) -> int:
            return 2

        def __getitem__(self, row: int) -> Any:
            return Scenes(1, classes=("star", "ring"))[row]

    given = {key: value for key, value in settings.items() if key != "source"}
    with pytest.raises(UserError, match="a Local cannot be given to workers"):
        build(BuildConfig(**given, out=tmp_path / "bank", workers=2), Local())
    assert not np.any([path.suffix == ".arrow" for path in tmp_path.rglob("*")])
