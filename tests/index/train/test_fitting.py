"""Training in bfloat16 only where the processor computes in it."""

import pytest
import torch
from torch import nn

from index.train.fitting import mixed_precision


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [("AVX512", torch.bfloat16), ("AVX2", torch.float32), ("DEFAULT", torch.float32)],
)
def test_bfloat16_is_left_to_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with mixed_precision():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype
