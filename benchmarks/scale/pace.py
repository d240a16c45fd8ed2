"""How fast tasks follow one another, seen from the files that they leave."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def seconds_per_task(files: Iterable[Path], processes: int) -> float:
    """Return the seconds that a process takes from one task to the next.

    Only the second half of the tasks counts, when all processes have loaded what they need, and of
    that not the last task of each, beside which others have nothing to do.

    Args:
        files: What each task has written last, one file a task.
        processes: How many share the tasks.
    """
    times = sorted(path.stat().st_mtime_ns for path in files)
    kept = times[len(times) // 2 : len(times) - processes + 1]
    return (kept[-1] - kept[0]) / 1e9 / (len(kept) - 1) * processes
