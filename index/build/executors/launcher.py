"""Which rank a launcher gave this process: `torchrun`, or SLURM with srun and job arrays."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from genie_transforms import UserError

TORCHRUN = "TORCHELASTIC_RUN_ID"


@dataclass(frozen=True)
class Rank:
    """The place of a process among those that a launcher started.

    Attributes:
        number: From 0; rank 0 owns the folder.
        world_size: How many there are.
        local: Its number on this machine.
        job: Name of the job, the same for all its processes, also when it is started again.
    """

    number: int
    world_size: int
    local: int
    job: str


def is_torchrun() -> bool:
    """Tell whether `torchrun` started this process."""
    # Not so SLURM: a script of sbatch that starts a single process has SLURM_NTASKS, too.
    return TORCHRUN in os.environ


def find_rank(environment: Mapping[str, str] | None = None) -> Rank:
    """Read the rank of this process from its environment.

    Args:
        environment: Variables of the environment; if not given, this process's.

    Raises:
        UserError: No launcher is known that started it, or it gave no such numbers.
    """
    if environment is None:
        environment = os.environ  # as it is now: `datasets` puts a copy in its place
    try:
        if TORCHRUN in environment:
            return _of_torchrun(environment)
        if "SLURM_ARRAY_TASK_ID" in environment or "SLURM_STEP_NUM_TASKS" in environment:
            return _of_slurm(environment)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the variables of this launcher are not what --executor ranks knows ({error})"
        ) from error
    raise UserError(
        "--executor ranks is for processes that torchrun, srun or a SLURM job array starts, and "
        "none of them started this one"
    )


def _of_torchrun(environment: Mapping[str, str]) -> Rank:
    host = environment["MASTER_ADDR"]
    if host in ("localhost", "127.0.0.1", "::1"):
        host = socket.gethostname()
    # The run's id alone is "none" unless somebody gave one; no two runs share an address.
    job = f"torchrun {environment[TORCHRUN]} {host}:{environment['MASTER_PORT']}"
    number, size, local = (int(environment[k]) for k in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Rank(number, size, local, job)


def _of_slurm(environment: Mapping[str, str]) -> Rank:
    """Count the processes of a job array, or of a step of srun, or of such a step in each job."""

    def read(name: str, default: int) -> int:
        return int(environment.get(name, default))

    job = environment.get("SLURM_ARRAY_JOB_ID") or environment["SLURM_JOB_ID"]
    first, step = read("SLURM_ARRAY_TASK_MIN", 0), read("SLURM_ARRAY_TASK_STEP", 1)
    place = (read("SLURM_ARRAY_TASK_ID", first) - first) // step
    count = read("SLURM_ARRAY_TASK_COUNT", 1)
    last = first + (count - 1) * step
    if read("SLURM_ARRAY_TASK_MAX", last) != last:
        raise UserError(
            f"the job array has {count} tasks that do not follow each other from {first} to "
            f"{environment['SLURM_ARRAY_TASK_MAX']}, so ranks cannot be counted: use --array=0-N"
        )
    # Not SLURM_NTASKS, which also stands where the script itself is the only process.
    in_step = "SLURM_STEP_NUM_TASKS" in environment
    number, size = read("SLURM_PROCID", 0) if in_step else 0, read("SLURM_STEP_NUM_TASKS", 1)
    return Rank(
        place * size + number,
        count * size,
        read("SLURM_LOCALID", 0),
        f"SLURM {job}.{environment.get('SLURM_STEP_ID', 'batch')}",
    )
