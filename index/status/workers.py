"""Who works on a bank, by the signs of life that its builders show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genie_transforms.format import is_alive
from index.store import DEAD_AFTER, Sign, read_signs

from .owner import moment_of

State = Literal["dead", "unknown", "alive"]

_STATES: tuple[State, ...] = ("dead", "unknown", "alive")


@dataclass(frozen=True)
class WorkerSeen:
    """A process that works on a bank, or did and could not take its sign away.

    Attributes:
        sign: Who it is, and on what it works.
        state: `dead` if that is certain: it is of this machine, or says what ended it. `unknown` if
            its sign has been silent for two minutes: it is suspended, or died on another machine.
        silent: Seconds since it last touched its sign, by this machine's clock.
        busy: Seconds since it began what it does; None if that cannot be read.
    """

    sign: Sign
    state: State
    silent: float
    busy: float | None


def see_workers(bank: Path, now: float) -> list[WorkerSeen]:
    """Return who works on a bank: those that need looking after first, then by rank.

    Args:
        bank: The folder.
        now: Seconds since 1970.
    """
    seen = [_see(sign, max(now - touched, 0.0), now) for sign, touched in read_signs(bank)]
    return sorted(seen, key=_order)


def _see(sign: Sign, silent: float, now: float) -> WorkerSeen:
    since = moment_of(sign.since)
    busy = None if since is None else max(now - since, 0.0)
    if sign.problem or is_alive(sign.machine, sign.process) is False:
        return WorkerSeen(sign, "dead", silent, busy)
    # Also of this machine: a number may have become another process's, which touches no sign.
    return WorkerSeen(sign, "alive" if silent < DEAD_AFTER else "unknown", silent, busy)


def _order(seen: WorkerSeen) -> tuple[int, int, str, int]:
    sign = seen.sign
    rank = -1 if sign.rank is None else sign.rank
    return _STATES.index(seen.state), rank, sign.host, sign.process
