"""Ending a command by a signal: what was begun is dropped, and no traceback is printed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal has asked the program to end; no `Exception`, so that nothing takes it for a fault.

    Args:
        number: Of the signal.
        hint: How to go on.
    """

    def __init__(self, number: int, hint: str = "") -> None:
        super().__init__(number, hint)
        self.number, self.hint = number, hint

    def __str__(self) -> str:
        """Say which signal it was, and how to go on."""
        text = f"stopped by {signal.Signals(self.number).name}"
        return f"{text}: {self.hint}" if self.hint else text

    @property
    def status(self) -> int:
        """The exit status of a program that ends because of it, as shells count."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped` inside the block.

    A second signal ends the process at once: whatever is on disk is whole at any time.

    Raises:
        Stopped: There was a signal.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield
        return
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
        if received:  # it came inside a callback, which cannot raise
            raise Stopped(received[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
