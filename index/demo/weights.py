"""Open the models that the demo embeds."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .models import SmallResNet
from .scenes import CLASSES

PIPELINE = Path(__file__).parent / "pipeline"
ENCODER = Path(__file__).parent / "encoder.safetensors"
ORACLE = Path(__file__).parent / "oracle.safetensors"


def load_encoder() -> SmallResNet:
    """Load the backbone that was trained on base classes; it has never seen a novel one."""
    return _load(SmallResNet(width=32), ENCODER)


def load_oracle() -> SmallResNet:
    """Load the classifier of `CLASSES`, meant for measuring only."""
    return _load(SmallResNet(width=24, num_classes=len(CLASSES)), ORACLE)


def _load(model: SmallResNet, path: Path) -> SmallResNet:
    state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def oracle_names(images: Tensor, batch_size: int = 256) -> list[str]:
    """Name what the oracle sees.

    Args:
        images: ``(N, 3, 64, 64)`` uint8.
        batch_size: Images in one pass.

    Returns:
        N names among `CLASSES`.
    """
    oracle = load_oracle()
    classes = [oracle(b.float() / 255).argmax(1) for b in torch.split(images, batch_size)]
    return [CLASSES[label] for label in torch.cat(classes).tolist()]
