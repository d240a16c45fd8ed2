"""Counters and the epoch, shared between the training process and its workers."""

from __future__ import annotations

import mmap
from multiprocessing.context import get_spawning_popen
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import get_worker_info

_NUM_SLOTS = 128  # one for each worker, so that no two processes write the same number
_FIELDS = 4


class Counters(NamedTuple):
    """What a transform has done so far, in all processes.

    Attributes:
        seen: All samples.
        replaced: Samples that became a hard negative.
        unknown: Samples chosen for replacement whose image the bank does not know.
        missing: Samples chosen for replacement for which the bank has no negative.
    """

    seen: int = 0
    replaced: int = 0
    unknown: int = 0
    missing: int = 0

    @property
    def hit_share(self) -> float:
        """The share of chosen samples that were replaced, in [0, 1]; NaN if none was chosen."""
        chosen = self.replaced + self.unknown + self.missing
        return self.replaced / chosen if chosen else float("nan")


class LabelCounts(NamedTuple):
    """How labels of the first images agree with the bank, in all processes.

    Attributes:
        looked_up: Images that were looked up.
        known: Those of which the bank knows the class.
        wrong: Those of them that have another label.
    """

    looked_up: int = 0
    known: int = 0
    wrong: int = 0


class SharedState:
    """A few integers in shared memory: workers write them, the training process reads them.

    They stay shared with every process that is forked, or spawned with them: a DataLoader's
    workers, but also ranks that are handed a transform, and so should make their own. Any other
    copy or pickle begins with the same values and goes its own way. A transform holds a file
    descriptor only from when it has been sent to a spawned process.
    """

    def __init__(self) -> None:
        # Behind the slots, a row with the epoch: persistent workers see `set_epoch` through it.
        # Beside it, 1 once it was set. The last row counts compared labels.
        # Anonymous shared memory: a fork inherits it, and it has no file.
        self._array = _anonymous()
        # The same numbers as a tensor, once a spawned process was to share them.
        self._tensor: torch.Tensor | None = None

    @property
    def epoch(self) -> int:
        """The epoch that was set last."""
        return int(self._array[_NUM_SLOTS, 0])

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._array[_NUM_SLOTS, 0] = epoch
        self.epoch_settled = True

    @property
    def epoch_settled(self) -> bool:
        """Whether the epoch was ever set, or somebody has warned that it was not."""
        return bool(self._array[_NUM_SLOTS, 1])

    @epoch_settled.setter
    def epoch_settled(self, settled: bool) -> None:
        self._array[_NUM_SLOTS, 1] = settled

    @property
    def labels(self) -> LabelCounts:
        """How many labels were compared; all processes write it, and may lose a count."""
        return LabelCounts(*(int(count) for count in self._array[_NUM_SLOTS + 1, :3]))

    @labels.setter
    def labels(self, counts: LabelCounts) -> None:
        self._array[_NUM_SLOTS + 1, :3] = counts

    def add(self, counts: Counters) -> None:
        """Add to the counters of this process."""
        worker = get_worker_info()
        # Slot 0 is the training process. No lock is needed while a slot has one writer; beyond 127
        # workers two share a slot, and may lose a count.
        slot = 0 if worker is None else 1 + worker.id % (_NUM_SLOTS - 1)
        self._array[slot] += counts

    def totals(self) -> Counters:
        """Sum the counters of all processes."""
        return Counters(*(int(total) for total in self._array[:_NUM_SLOTS].sum(axis=0)))

    def reset(self) -> None:
        """Set the counters to zero."""
        self._array[:_NUM_SLOTS] = 0

    def __getstate__(self) -> dict[str, Any]:
        """Return the values; to a process that is just being spawned, the memory itself."""
        # A DataLoader pickles its dataset once for each worker, within `Process.start`.
        if get_spawning_popen() is None:
            return {"values": self._array.copy()}
        if self._tensor is None:
            self._tensor = _share(torch.from_numpy(self._array.copy()))
            self._array = self._tensor.numpy()
        return {"tensor": self._tensor}  # torch's pickler for processes keeps it shared

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Share the memory of the parent process, or copy values into memory of its own."""
        self._tensor = state.get("tensor")
        if self._tensor is not None:
            self._array = self._tensor.numpy()
        else:
            self._array = _anonymous()
            values = state["values"]
            self._array[: len(values)] = values  # those of older versions have a row less


def _anonymous() -> npt.NDArray[np.int64]:
    """Map zeros that a forked process shares."""
    memory = mmap.mmap(-1, (_NUM_SLOTS + 2) * _FIELDS * 8)
    return np.frombuffer(memory, dtype=np.int64).reshape(_NUM_SLOTS + 2, _FIELDS)


def _share(tensor: torch.Tensor) -> torch.Tensor:
    """Move a tensor to shared memory, unless it is there already."""
    shared: torch.Tensor = tensor.share_memory_()  # type: ignore[no-untyped-call]
    return shared
