"""Weights from files."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from genie_transforms import UserError
from index.embed.checkpoints import load_exactly, read_state


class Settings:
    """Something that only pickle can restore."""


def test_checkpoints_that_could_run_code_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"model": {"w": torch.ones(1)}, "args": Settings()}, path)
    with pytest.raises(ValueError, match="holds more than tensors, and is not opened"):
        read_state(path)
    path.write_bytes(pickle.dumps(Settings(), protocol=2))
    with pytest.raises(ValueError, match="not opened"):
        read_state(path)


def test_checkpoints_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "empty.pt"
    torch.save({"epoch": 3}, path)
    with pytest.raises(ValueError, match=r"holds no tensors; its keys are \['epoch'\]"):
        read_state(path)
    torch.save([torch.ones(1)], path)
    with pytest.raises(ValueError, match="holds a list, not a state dict"):
        read_state(path)


def test_all_that_does_not_fit_is_named() -> None:
    model = nn.Linear(2, 3)
    with pytest.raises(
        UserError,
        match=r'f\.pt does not fit Linear: Missing .*: "bias"\. Unexpected .*: "extra"\. '
        r"size mismatch for weight: .*\[1\].*\[3, 2\]",
    ):
        load_exactly(model, {"weight": torch.ones(1), "extra": torch.ones(1)}, "f.pt")


def test_weights_of_another_model_are_refused_in_a_line() -> None:
    model, other = (nn.Sequential(*(nn.Linear(size, size) for _ in range(99))) for size in (2, 3))
    with pytest.raises(UserError, match=r"size mismatch for 0\.weight") as refused:
        load_exactly(model, other.state_dict(), "f.pt")
    assert len(str(refused.value)) < 1000
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match=r'Missing key.*"0\.weight".*…') as refused:
        load_exactly(model, {}, "f.pt")
    assert len(str(refused.value)) < 1000
