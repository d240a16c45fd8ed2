"""Losses for classes of unequal size. All take class numbers or, after mixing, soft labels."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from genie_transforms import UserError

from .config import TrainingConfig

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits ``(B, C)`` and labels, ``(B,)`` int64 or ``(B, C)`` float32, to a scalar."""


def make_loss(config: TrainingConfig, counts: Tensor) -> Loss:
    """Return the loss that `config` names.

    Args:
        config: `loss`, `tau` and `label_smoothing`.
        counts: How often the sampler draws each class, up to a factor, ``(C,)``.

    Label smoothing is that of labels, mixed or not, whatever the loss.

    Raises:
        UserError: A loss that needs the logarithm of every count meets a class without images.
    """
    loss = _of_labels(config, counts)
    if not config.label_smoothing:
        return loss
    return lambda logits, labels: loss(logits, _smooth(labels, logits, config.label_smoothing))


def _smooth(labels: Tensor, logits: Tensor, share: float) -> Tensor:
    """Spread a share of each label evenly over all C classes, as timm and LiVT do."""
    return _soft(labels, logits) * (1 - share) + share / logits.shape[1]


def _soft(labels: Tensor, logits: Tensor) -> Tensor:
    soft = labels if labels.ndim == 2 else F.one_hot(labels, logits.shape[1])
    return soft.to(logits)


def _of_labels(config: TrainingConfig, counts: Tensor) -> Loss:
    if config.loss == "cross-entropy":
        return F.cross_entropy
    empty = (counts <= 0).nonzero().flatten().tolist()
    if empty:
        raise UserError(
            f"--loss {config.loss} needs images of every class; there are none of {empty[:5]}"
        )
    prior = counts.double() / counts.sum()
    if config.loss == "balanced-bce":
        return _balanced_bce(prior.logit().float())
    tau = config.tau if config.loss == "logit-adjustment" else 1.0
    return _adjusted_cross_entropy(tau * prior.log().float())


def _adjusted_cross_entropy(margin: Tensor) -> Loss:
    """Cross-entropy of logits + tau log(prior) (Menon et al., 2021, equation 10)."""
    return lambda logits, labels: F.cross_entropy(logits + margin.to(logits), labels)


def _balanced_bce(margin: Tensor) -> Loss:
    """Binary cross-entropy of every class, of logits + logit(prior), summed over the classes.

    LiVT's Bal-BCE (Xu et al., 2023, equation 9); its code takes the mean over the classes times
    their number, which is the same.
    """

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        entropy: Tensor = F.binary_cross_entropy_with_logits(
            logits + margin.to(logits), _soft(labels, logits), reduction="none"
        )
        return entropy.sum(1).mean()

    return loss
