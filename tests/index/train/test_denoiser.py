"""The weights of the denoiser's loss, and what its settings refuse."""

from __future__ import annotations

import pytest
import torch

from genie_transforms import UserError
from index.demo.config import TrainConfig
from index.train.denoiser import loss_weights


def test_weights_of_much_and_of_little_noise() -> None:
    snr = torch.tensor([0.01, 1.0, 4.0, 9.0, 99.0])
    plain = loss_weights(snr / (1 + snr))
    assert plain.tolist() == pytest.approx([0.01**0.3, 1, 1, 1, 1])
    less = loss_weights(snr / (1 + snr), min_snr=5.0)
    assert less.tolist() == pytest.approx([0.01**0.3, 1, 1, 0.5, 0.05], rel=1e-4)


def test_the_stage_with_a_critic_is_left_out_whole() -> None:
    assert TrainConfig(classes_steps=0, critic_steps=1).classes_steps == 0
    with pytest.raises(UserError, match="critic_steps must be at least 11, got 1"):
        TrainConfig(classes_steps=20, critic_steps=1)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_an_impossible_gamma_is_refused(value: float) -> None:
    with pytest.raises(UserError, match="min_snr must be above 0, got"):
        TrainConfig(min_snr=value)
