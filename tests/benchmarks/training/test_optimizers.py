"""Which parameters have which learning rate and weight decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.training import TrainingConfig, make_network
from benchmarks.training.checkpoint import Training
from benchmarks.training.optimizers import make_optimizer
from genie_transforms import UserError

_VIT = TrainingConfig(
    model="timm:vit_tiny_patch16_224",
    model_settings=("img_size=32", "depth=2", "global_pool=avg"),
    optimizer="adamw", learning_rate=0.008, layer_decay=0.5, weight_decay=0.05,
    num_steps=10, warmup_steps=2,
)  # fmt: skip


def _rates(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """Return learning rate and weight decay of every parameter, by name."""
    names = {id(value): name for name, value in network.named_parameters()}
    return {
        names[id(value)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for value in group["params"]
    }


def test_each_layer_has_half_the_rate_of_the_one_above() -> None:
    network = make_network(_VIT, 3)
    found = _rates(network, make_optimizer(network, _VIT))
    assert found.keys() == dict(network.named_parameters()).keys()
    # Two blocks: stem 0, blocks 1 and 2, head 3; the head has the whole rate.
    expected = {"head": 0.008, "fc_norm": 0.008, "blocks.1": 0.004, "blocks.0": 0.002}
    for name, (rate, decay) in found.items():
        of = next((r for prefix, r in expected.items() if name.startswith(f"{prefix}.")), 0.001)
        assert rate == pytest.approx(of), name
        vector = name.endswith("bias") or "norm" in name or name in ("cls_token", "pos_embed")
        assert decay == (0 if vector else 0.05), name


def test_the_schedule_scales_every_layer_alike() -> None:
    network = make_network(_VIT, 3)
    training = Training.begin(network, _VIT)
    begun = _rates(network, training.optimizer)
    assert begun["head.weight"][0] == pytest.approx(0.004)  # the first of two steps of the rise
    assert begun["cls_token"][0] == pytest.approx(0.0005)


def test_without_layers_sgd_decays_everything_and_adamw_no_vectors() -> None:
    network = make_network(TrainingConfig(model="resnet10"), 3)
    for optimizer, decay in (("sgd", 0.1), ("adamw", 0.0)):
        config = TrainingConfig(optimizer=optimizer, weight_decay=0.1)  # type: ignore[arg-type]
        found = _rates(network, make_optimizer(network, config))
        assert found["fc.weight"] == (0.1, 0.1)
        assert found["fc.bias"] == (0.1, decay)
    with pytest.raises(UserError, match="--layer-decay needs a timm model"):
        make_optimizer(network, TrainingConfig(layer_decay=0.5))
