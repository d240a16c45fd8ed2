"""Executors: who runs the tasks of a stage that are not done.

`local` is this process, or several on this machine; `ranks` are processes that a launcher started;
`ray` is a pool of actors on a cluster. An executor knows tasks, not banks, and whichever runs them,
the bank is the same: a build may be continued by another one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

import torch

from genie_transforms import MissingPackageError
from index.config import BuildConfig

from ..tasks import Begin, Build, RunStage, run_here
from .launcher import Rank, find_rank, is_torchrun
from .local import local_workers
from .ranks import follow, lead
from .worker import Worker, silence

__all__ = ["Rank", "check_ray", "find_rank", "follow", "is_torchrun", "open_executor", "silence"]


def check_ray() -> None:
    """Return if Ray is installed.

    Raises:
        MissingPackageError: It is not; says what to install.
    """
    if find_spec("ray") is None:
        raise MissingPackageError(
            "--executor ray needs Ray: pip install 'genie-transforms[index,ray]'"
        )


@contextmanager
def open_executor(
    config: BuildConfig, build: Build, job: str, rank: Rank | None, begin: Begin
) -> Iterator[RunStage]:
    """Give what runs stages as `config.executor` says; whom it started ends with the block.

    Args:
        config: The build.
        build: The same, for other processes.
        job: Name of the job that owns the folder.
        rank: Of this process, if a launcher gave it one.
        begin: See `Begin`.
    """
    out, device, number = config.folder, config.device, config.workers
    worker = Worker(build, out, job, torch.get_num_threads())
    if rank is not None:
        yield lead(rank, out, begin)
    elif config.executor == "ray":
        from .ray import ray_actors  # not everybody has it

        with ray_actors(worker, begin, device, number, config.ray_address) as run_stage:
            yield run_stage
    elif number > 1:
        with local_workers(worker, begin, device, number) as run_stage:
            yield run_stage
    else:
        yield partial(run_here, begin=begin)
