"""One process, or the several that `torchrun` starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from genie_transforms import UserError

from .batches import Rank
from .config import TrainingConfig


@contextmanager
def joined_ranks(device: torch.device, config: TrainingConfig) -> Iterator[Rank]:
    """Join the other ranks that `torchrun` started, for as long as the context lasts.

    Raises:
        UserError: The batch has fewer images than there are ranks, or cannot be shared equally:
            the mean of the ranks' gradients is that of the batch for equal shares alone.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield Rank()
        return
    if config.batch_size % world_size:
        raise UserError(
            f"batch_size must be a multiple of the number of ranks, got {config.batch_size} for "
            f"{world_size}"
        )
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Rank(distributed.get_rank(), world_size)
    finally:
        distributed.destroy_process_group()


def local_device(device: str) -> torch.device:
    """Return the device of this rank: of several GPUs, the one with the rank's local number."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return torch.device(device)


def shared(network: nn.Module, device: torch.device, rank: Rank) -> nn.Module:
    """Return the network as all ranks train it: gradients are averaged over them."""
    if rank.world_size == 1:
        return network
    places = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=places)


def wait_for_all(rank: Rank) -> None:
    """Return when every rank has come here."""
    if rank.world_size > 1:
        distributed.barrier()
