"""Open the models that the demo embeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from index.train import SmallResNet

from .scenes import CLASSES

PIPELINE = Path(__file__).parent / "pipeline"


ENCODER = Path(__file__).parent / "encoder.safetensors"


ORACLE = Path(__file__).parent / "oracle.safetensors"


def weights_digest() -> str:
    """Return twelve hexadecimal digits that name the demo's weights, all models together."""
    digest = hashlib.sha256()
    for path in [*sorted(PIPELINE.rglob("*.safetensors")), ENCODER, ORACLE]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def load_encoder() -> SmallResNet:
    """Load the backbone that was trained on base classes; it has never seen a novel one."""
    return _load(32, ENCODER)


def load_oracle(path: Path = ORACLE) -> SmallResNet:
    """Load a classifier that is meant for measuring only; the demo's knows `CLASSES`."""
    return _load(24, path)


def _load(width: int, path: Path) -> SmallResNet:
    # Stored in half precision; counters of the batch norms are integers and stay so.
    state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
    head = state.get("head.bias")
    model = SmallResNet(width, num_classes=0 if head is None else len(head))
    model.load_state_dict(state)
    return model.eval()


@torch.inference_mode()
def oracle_names(
    images: Tensor,
    batch_size: int = 256,
    oracle: SmallResNet | None = None,
    classes: Sequence[str] = CLASSES,
) -> list[str]:
    """Name the class that the oracle predicts for each image.

    Args:
        images: ``(N, 3, R, R)`` uint8.
        batch_size: Images in one pass.
        oracle: The classifier; the demo's if not given.
        classes: Its classes.

    Returns:
        N names among `classes`.
    """
    network = oracle or load_oracle()
    labels = [network(b.float() / 255).argmax(1) for b in torch.split(images, batch_size)]
    return [classes[label] for label in torch.cat(labels).tolist()]
