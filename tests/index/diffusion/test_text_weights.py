"""Text encoders get their weights, by whatever names transformers has written them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from index.demo import PIPELINE
from index.diffusion.families import load_family
from index.diffusion.weights import ModelError

_PREFIX = "text_model."


def _states(folder: Path) -> torch.Tensor:
    pipeline = load_family(str(folder)).pipeline
    ids = torch.arange(1, 9)[None] % pipeline.text_encoder.config.vocab_size
    with torch.inference_mode():
        states: torch.Tensor = pipeline.text_encoder(ids).last_hidden_state
    return states


def test_the_demo_reads_its_own_prompts() -> None:
    stored = load_file(PIPELINE / "text_encoder" / "model.safetensors")
    encoder = load_family(str(PIPELINE)).pipeline.text_encoder
    named = {key.removeprefix(_PREFIX): value for key, value in encoder.state_dict().items()}
    assert named.keys() == {key.removeprefix(_PREFIX) for key in stored}
    for key, value in stored.items():
        torch.testing.assert_close(named[key.removeprefix(_PREFIX)], value.float())


def test_names_of_either_version_are_the_same_weights(
    stable_diffusion_folder: Path, tmp_path: Path
) -> None:
    stored = load_file(stable_diffusion_folder / "text_encoder" / "model.safetensors")
    bare = {key.removeprefix(_PREFIX): value for key, value in stored.items()}
    states = []
    for prefix in ("", _PREFIX):
        folder = tmp_path / f"named-{prefix}"
        shutil.copytree(stable_diffusion_folder, folder)
        save_file(
            {prefix + key: value for key, value in bare.items()},
            folder / "text_encoder" / "model.safetensors",
            {"format": "pt"},
        )
        states.append(_states(folder))
    torch.testing.assert_close(*states, rtol=0, atol=0)
    torch.testing.assert_close(states[0], _states(stable_diffusion_folder), rtol=0, atol=0)


def test_missing_weights_are_no_random_ones(stable_diffusion_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(stable_diffusion_folder, folder)
    path = folder / "text_encoder" / "model.safetensors"
    stored = load_file(path)
    name = next(iter(stored))
    save_file({k: v for k, v in stored.items() if k != name}, path, {"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 weights of a CLIPTextModel"):
        load_family(str(folder))
