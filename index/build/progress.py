"""How far a stage is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from index.durations import duration, rounded_speed

logger = logging.getLogger("genie.build")

EVERY = 10.0
"""Seconds from one line of a log to the next, or longer if no task ends."""


class Progress:
    """What people see while a stage runs; nothing where the logger is not at INFO.

    Args:
        name: What the stage does.
        unit: What is counted, in the singular.
        total: How many there are.
        done: How many were done before.
        failed: How many of those failed.
        clock: Gives seconds.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        total: int,
        done: int = 0,
        failed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._unit, self._total = name, unit, total
        self._before, self._done, self._failed = done, done, failed
        self._clock, self._start = clock, clock()
        self._said = self._start
        self._bar: Any = None
        if logger.isEnabledFor(logging.INFO) and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=done, desc=name, unit=unit)
            self._show()

    def add(self, done: int, failed: int) -> None:
        """Count what a task has done, and how much of it failed."""
        self._done += done
        self._failed += failed
        if self._bar is not None:
            self._bar.update(done)
            self._show()
        elif self._clock() - self._said >= EVERY:
            self._said = self._clock()
            logger.info("%s", self.line())

    def line(self) -> str:
        """Say how far the stage is: done, speed, failures, time left."""
        seconds = self._clock() - self._start
        speed = (self._done - self._before) / seconds if seconds > 0 else 0.0
        share = self._done / max(self._total, 1)
        parts = [f"{self._name}: {self._done} of {self._total} ({share:.0%})"]
        if speed:
            parts.append(f"{rounded_speed(speed)} {self._unit}s/s")
        parts.append(f"{self._failed} failed")
        if speed:
            parts.append(f"{duration((self._total - self._done) / speed)} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Leave the bar as it is; there is no further line."""
        if self._bar is not None:
            self._bar.close()

    def _show(self) -> None:
        self._bar.set_postfix(failed=self._failed)
