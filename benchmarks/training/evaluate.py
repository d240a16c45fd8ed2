"""What a trained network says of test images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


@torch.inference_mode()
def predict(
    network: nn.Module, dataset: Dataset[Any], batch_size: int = 256, workers: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the network's probabilities and the true labels, in the order of the dataset.

    Args:
        network: From images ``(B, 3, H, W)`` float32 to logits ``(B, C)``, on any device.
        dataset: Returns (image, class number).
        batch_size: Images of one pass.
        workers: Processes that load them.

    Returns:
        ``(N, C)`` float32 and ``(N,)`` int64.
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    outputs = [
        (network(images.to(device)).float().softmax(1).cpu(), labels)
        for images, labels in DataLoader(dataset, batch_size=batch_size, num_workers=workers)
    ]
    network.train(was_training)
    probabilities = torch.cat([rows for rows, _ in outputs]).numpy()
    return probabilities, torch.cat([labels for _, labels in outputs]).numpy()
