"""Images, and no network: backbones are opened from files."""

import pytest
import torch
from torch import Tensor


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def images() -> Tensor:
    rng = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (3, 3, 40, 50), dtype=torch.uint8, generator=rng)
