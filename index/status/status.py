"""What can be said of a build from outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .owner import OwnerSeen
from .workers import WorkerSeen

StageName = Literal["embed", "generate", "finish", "finished"]


@dataclass(frozen=True)
class Status:
    """A build, seen from outside.

    Attributes:
        bank: Folder of the bank, or its URI without keys.
        stage: What is being done, or was when the build stopped: embed images, generate pairs,
            finish the bank; or that it is finished.
        owner: Who builds, or did and could not remove its lock.
        workers: Who works on what, the owner among them; None of a bank elsewhere: that is known
            only where it is built.
        planned: Pairs of the plan; None if that is not known.
        planned_shards: Shards of the plan; None if that is not known.
        shards: Finished shards.
        made: Pairs that were made.
        reused: Those of them that an earlier build had made.
        failed: Pairs that failed, by reason.
        source_blocks: Blocks of embedded source images.
        bad_images: How many source images cannot be used.
        examples: Some of them, with reasons.
        network_rows: Rows that went through the denoiser, guidance counted.
        seconds: Duration of each stage, of all processes together.
        speed: Pairs per second of this run; None if nobody builds, or it is too early.
        idle: Seconds since the last shard ended.
        faults: What is damaged or missing, by file.
    """

    bank: str
    stage: StageName
    owner: OwnerSeen | None = None
    workers: list[WorkerSeen] | None = None
    planned: int | None = None
    planned_shards: int | None = None
    shards: int = 0
    made: int = 0
    reused: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    source_blocks: int = 0
    bad_images: int = 0
    examples: list[str] = field(default_factory=list)
    network_rows: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    speed: float | None = None
    idle: float | None = None
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether somebody builds."""
        return self.owner is not None and self.owner.alive

    @property
    def num_failed(self) -> int:
        """Pairs that failed."""
        return sum(self.failed.values())

    @property
    def done(self) -> int:
        """Pairs that were made or failed."""
        return self.made + self.num_failed

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all pairs are there, at the present speed; None if that is not known."""
        if self.speed is None or self.planned is None or self.stage == "finished":
            return None
        return max(self.planned - self.done, 0) / self.speed

    @property
    def is_well(self) -> bool:
        """Whether nothing has to be done about it."""
        is_stopped = self.stage != "finished" and not self.is_running
        return not (is_stopped or self.failed or self.faults)

    def to_json(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        derived = ("is_running", "num_failed", "done", "seconds_left", "is_well")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}
