"""The settings of the measurement; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError
from index.kinds import check_kinds, check_range

EXECUTORS = ("alone", "workers", "ranks", "ray")
PARTS = ("overhead", "speedup")


@dataclass(frozen=True, kw_only=True)
class ScaleConfig:
    """Measure the overhead of executors, and the speed-up of two processes.

    Attributes:
        parts: What to measure: overhead, speedup.
        executors: Whose overhead: workers, ranks and ray have two processes; alone is one, with
            which the others are compared.
        tasks: Tasks that do nothing but write a small file, for each executor.
        shards: Shards of the demo's bank that is built.
        pairs_per_shard: Their pairs.
        rounds: Each executor and each build runs this often, in turns; the median counts.
        quick: 40 tasks, 12 shards of one pair, one round: does it run at all?
        json: File that receives the figures.
    """

    parts: tuple[str, ...] = PARTS
    executors: tuple[str, ...] = EXECUTORS
    tasks: int = 400
    shards: int = 24
    pairs_per_shard: int = 8
    rounds: int = 3
    quick: bool = False
    json: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["pairs_per_shard", "rounds"], 1)
        check_range(self, ["tasks"], 6, hint="only the second half counts")
        check_range(self, ["shards"], 12, hint="two builds share them")
        for name, known in (("parts", PARTS), ("executors", EXECUTORS)):
            unknown = [value for value in getattr(self, name) if value not in known]
            if unknown:
                raise UserError(f"{name} are some of {', '.join(known)}; got {unknown[0]!r}")
        if "alone" not in self.executors:
            raise UserError("executors are compared with alone: name it, too")
