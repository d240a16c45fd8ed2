"""A build that costs nothing: tasks that write a number, and end their process if told to."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from genie_transforms.format import atomic_write
from index.build.tasks import Order, Stage, StageOf

STAGES: tuple[Order, ...] = (("embed", 0), ("generate", 0))


@dataclass
class Squares:
    """Twelve tasks; the file `kill-N` says how many processes end that run task N."""

    out: Path
    order: Order
    name, unit, num_tasks = "squares", "square", 12

    def path(self, task: int) -> Path:
        return self.out / f"{self.order[0]}-{task:02d}"

    def size(self, task: int) -> int:
        return 1

    def is_done(self, task: int) -> bool:
        return self.path(task).exists()

    def failed(self, task: int) -> int:
        return 0

    def run(self, task: int) -> None:
        deadly = self.out / f"kill-{task}"
        left = int(deadly.read_text()) if deadly.exists() else 0
        if left and self.order[0] == "generate":
            deadly.write_text(str(left - 1))
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.out / f"fail-{task}").exists():
            raise ValueError(f"task {task} fails")
        atomic_write(self.path(task), f"{task**2} by {os.getpid()}".encode())


@dataclass(frozen=True)
class ToyBuild:
    """Two stages of squares."""

    out: Path

    def open(self, device: str) -> StageOf:
        return self.stage_of

    def stage_of(self, order: Order) -> Stage:
        return Squares(self.out, order)

    def is_last(self, order: Order) -> bool:
        return order[0] != "embed"


def results(out: Path) -> list[int]:
    """The squares of all tasks of both stages, without who computed them."""
    stages = [Squares(out, order) for order in STAGES]
    paths = [stage.path(task) for stage in stages for task in range(stage.num_tasks)]
    return [int(path.read_text().split()[0]) for path in paths]


EXPECTED = [task**2 for task in range(12)] * 2


def workers_of(out: Path, order: Order = ("generate", 0)) -> list[int]:
    """Which process has done each task of a stage."""
    stage = Squares(out, order)
    return [int(stage.path(task).read_text().split()[2]) for task in range(stage.num_tasks)]
