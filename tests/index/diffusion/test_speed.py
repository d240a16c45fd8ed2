"""Memory and speed switches leave the images alone; the batch size that fits is found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.sampling.config import SweepSettings
from index.diffusion.sampling.denoise import calls
from index.diffusion.sampling.sweep import sweep_latents
from index.diffusion.sampling.trajectories import SweepPair
from index.diffusion.speed import Switches, apply_switches, find_batch_size
from index.diffusion.weights import ModelError

DOG = "a photo of a dog"
SETTINGS = SweepSettings(num_inference_steps=10, batch_size=8)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)


def _decoded(family: Family, images: Tensor) -> Tensor:
    pairs = [SweepPair(k, DOG, (0.5, 0.8), seed=k) for k in range(3)]
    with torch.no_grad():
        return family.decode(torch.cat(sweep_latents(family, images, pairs, SETTINGS)))


@pytest.mark.parametrize("folder", ["stable_diffusion_folder", "sd3_folder"])
@pytest.mark.parametrize("switch", ["channels_last", "vae_slicing", "vae_tiling"])
def test_switches_leave_the_images_alone(
    request: pytest.FixtureRequest, images: Tensor, folder: str, switch: str
) -> None:
    model = str(request.getfixturevalue(folder))
    plain = load_family(model)
    switched = load_family(model, switches=Switches(**{switch: True}))
    difference = _decoded(plain, images) - _decoded(switched, images)
    assert float(difference.abs().max()) <= 1e-4


def test_switches_reach_the_networks(stable_diffusion_folder: Path) -> None:
    switches = Switches(channels_last=True, vae_slicing=True, vae_tiling=True)
    family = load_family(str(stable_diffusion_folder), switches=switches)
    weight = family.denoiser.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert family.vae.use_slicing
    assert family.vae.use_tiling


def test_compiled_calls_always_have_the_same_size(
    stable_diffusion_folder: Path, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load_family(str(stable_diffusion_folder))
    family = load_family(str(stable_diffusion_folder), switches=Switches(compile=True))
    rows: list[int] = []
    predict = family.predict

    def counted(latents: Tensor, *args: Any) -> Tensor:
        rows.append(len(latents))
        return predict(latents, *args)

    monkeypatch.setattr(family, "predict", counted)
    with torch.compiler.set_stance("force_eager"):  # compiling takes too long for a test
        made = _decoded(family, images)
    # Three pairs with guidance: 6 rows on 3 steps (r = .8), then 12 on 5.
    assert rows == [8] * (3 + 2 * 5)
    assert float((made - _decoded(plain, images)).abs().max()) <= 1e-4


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_networks_give_the_same_images(
    stable_diffusion_folder: Path, images: Tensor
) -> None:
    plain = load_family(str(stable_diffusion_folder))
    compiled = load_family(str(stable_diffusion_folder), switches=Switches(compile=True))
    difference = _decoded(plain, images) - _decoded(compiled, images)
    assert 0 < float(difference.abs().max()) <= 1e-4


def test_offloaded_networks_give_the_same_images(
    stable_diffusion_folder: Path, images: Tensor
) -> None:
    plain = load_family(str(stable_diffusion_folder))
    family = load_family(str(stable_diffusion_folder))
    apply_switches(family, Switches(offload=True), torch.device("cpu"))
    assert hasattr(family.denoiser, "_hf_hook")
    assert family.device == torch.device("cpu")
    assert torch.equal(_decoded(family, images), _decoded(plain, images))


def test_offloading_needs_an_accelerator(stable_diffusion_folder: Path) -> None:
    with pytest.raises(ModelError, match="does nothing with --device cpu"):
        load_family(str(stable_diffusion_folder), switches=Switches(offload=True))


def test_rows_are_shared_out_over_calls() -> None:
    assert [len(call) for call in calls(65, 64, fixed=False)] == [33, 32]
    assert [call.tolist() for call in calls(3, 2, fixed=True)] == [[0, 1], [2, 2]]
    assert [call.tolist() for call in calls(4, 2, fixed=True)] == [[0, 1], [2, 3]]
    assert [call.tolist() for call in calls(1, 3, fixed=True)] == [[0, 0, 0]]


def _short_of_memory(family: Family, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the network ask for more memory than there is if it gets more than `most` rows."""
    predict = family.predict

    def hungry(latents: Tensor, *args: Any) -> Tensor:
        torch.empty(2**50 if len(latents) > most else 1, dtype=torch.uint8)
        return predict(latents, *args)

    monkeypatch.setattr(family, "predict", hungry)


def test_the_batch_size_that_fits_is_found(
    stable_diffusion_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = load_family(str(stable_diffusion_folder))
    assert find_batch_size(family, 16) == 64
    assert find_batch_size(family, 16, most=20) == 20
    _short_of_memory(family, monkeypatch, most=13)
    # Nine tenths each time: 16, 14, 12.
    assert find_batch_size(family, 16, most=16) == 12
    _short_of_memory(family, monkeypatch, most=0)
    with pytest.raises(ModelError, match="not even one row of 16 px fits"):
        find_batch_size(family, 16, most=16)
