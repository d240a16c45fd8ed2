"""Optimisers, and which parameters have which learning rate and weight decay."""

from __future__ import annotations

from typing import Any

from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from genie_transforms import UserError

from .config import TrainingConfig


def make_optimizer(network: nn.Module, config: TrainingConfig) -> Optimizer:
    """Return the optimiser of a network's parameters.

    Raises:
        UserError: `layer_decay` is below 1, and the network does not say what its layers are.
    """
    rate, decay = config.learning_rate, config.weight_decay
    groups = _groups(network, config)
    if config.optimizer == "adamw":
        return AdamW(groups, lr=rate, weight_decay=decay)
    return SGD(groups, lr=rate, momentum=0.9, weight_decay=decay, nesterov=True)


def _groups(network: nn.Module, config: TrainingConfig) -> list[dict[str, Any]]:
    """Return groups of parameters, each with its learning rate and weight decay.

    Layers are timm's: the stem with the positions is the lowest, each block is one, and what
    follows them, the head included, is the highest, as in BEiT's and MAE's fine-tuning.
    """
    # With SGD everything decays, as in He et al., 2016; with AdamW what is neither a vector nor
    # named by the network, as in timm and MAE.
    exempt = config.optimizer == "adamw"
    named: set[str] = getattr(network, "no_weight_decay", set)() if exempt else set()
    if config.layer_decay == 1:
        if not exempt:
            return [{"params": list(network.parameters())}]
        groups: list[dict[str, Any]] = param_groups_weight_decay(
            network, config.weight_decay, no_weight_decay_list=named
        )
        return groups
    if not hasattr(network, "group_matcher"):
        raise UserError(
            f"--layer-decay needs a timm model, which knows its layers, not {config.model}"
        )
    found = param_groups_layer_decay(
        network,
        config.weight_decay,
        no_weight_decay_list=named,
        weight_decay_exclude_1d=exempt,
        layer_decay=config.layer_decay,
    )
    return [
        {
            "params": group["params"],
            "weight_decay": group["weight_decay"],
            "lr": config.learning_rate * group["lr_scale"],
        }
        for group in found
    ]
