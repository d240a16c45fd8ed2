"""Trainings in stages: their precision, and what is refused before they begin."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from genie_transforms import UserError
from index.demo.config import TrainConfig
from index.train import StageConfig
from index.train.fitting import mixed_precision


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [("AVX512", torch.bfloat16), ("AVX2", torch.float32), ("DEFAULT", torch.float32)],
)
def test_bfloat16_is_left_to_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with mixed_precision("cpu"):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype


def test_too_few_steps_of_a_late_stage_are_refused_before_the_first_is_trained() -> None:
    folders: dict[str, Any] = {"out": Path("out"), "work": Path("work")}
    with pytest.raises(UserError, match="oracle_steps must be at least 11, got 10"):
        StageConfig(**folders, oracle_steps=10)
    with pytest.raises(UserError, match="encoder_steps must be at least 11, got 3"):
        TrainConfig(encoder_steps=3)
    assert StageConfig(**folders, oracle_steps=11).oracle_steps == 11
