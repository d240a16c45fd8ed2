"""The stages of a build in a process that works for the owner of the folder."""

from __future__ import annotations

from dataclasses import dataclass, replace

from index.config import BuildConfig
from index.sources import LabelledImages
from index.store import check_claimed

from .describe import describe
from .open import Opened, open_build
from .prepare import Prepared, decide, embedding_stage, prepare
from .retry import RetryFailed
from .run import open_job
from .shards import GenerateShards
from .tasks import Order, Stage, StageOf


@dataclass(frozen=True)
class BuildStages:
    """A build that other processes open for themselves; see `Build`.

    Attributes:
        config: The build, as the user gave it.
        source: Source images in place of `config.source`.
    """

    config: BuildConfig
    source: LabelledImages | None

    def open(self, device: str) -> StageOf:
        """Open source and models as the owner did, on a device of this process."""
        own = replace(self.config, device=device)
        return _OpenedStages(decide(open_build(own, self.source, for_owner=True))).stage_of

    def is_last(self, order: Order) -> bool:
        """Tell whether nothing is left for others but to see the owner finish the bank."""
        return order[0] in ("finish", "retry" if self.config.retry_failed else "generate")


@dataclass
class _OpenedStages:
    """What a process has opened: the build, and once images are embedded, what is to be run."""

    opened: Opened
    prepared: Prepared | None = None
    stage: Stage | None = None

    def stage_of(self, order: Order) -> Stage:
        """Make a stage as the owner did, or return it again."""
        if self.stage is None or self.stage.order != order:
            self.stage = self._make(*order)
        return self.stage

    def _make(self, kind: str, rounds: int) -> Stage:
        if kind == "embed":
            return embedding_stage(self.opened)
        # The owner has embedded all, and so decided which images can be used.
        self.prepared = self.prepared or prepare(self.opened, lambda stage: None)
        description = describe(self.opened, self.prepared)
        check_claimed(self.opened.config.folder, description.content)
        job = open_job(self.prepared, description)
        return RetryFailed(job, rounds) if kind == "retry" else GenerateShards(job)
