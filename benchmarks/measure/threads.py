"""The number of threads that a measurement runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch a number of threads, and its own again afterwards.

    Sums are split among threads, so whoever runs in the same process afterwards would get other
    last digits than in a process of its own.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
