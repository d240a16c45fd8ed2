"""End a build at every call that changes the file system, and continue it: run as a program.

`python -m tests.index.build.crash_points FOLDER EVERY` prints how many calls a build makes, how
many of them were tried, and what went wrong. Each attempt is a fork of this process, which has
imported and warmed up everything: what ends there is a process, by `os._exit`, without any
cleaning up.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import torch

from index.config import BuildConfig
from index.store import lock
from tests.index.build import fake

_CRASHED = 42
_EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.utime", "os.truncate"}
_EVENTS |= {"shutil.rmtree", "fcntl.flock"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Crash:
    """Counts the calls that change files below a folder, and ends the process at one of them."""

    def __init__(self, root: Path, at: int | None) -> None:
        self.count, self._at, self._root = 0, at, str(root)
        sys.addaudithook(self._heard)
        # No event is raised for these two.
        os.fsync, os.write = self._before(os.fsync), self._before(os.write)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and str(path).startswith(self._root):
                self.hit()
        elif event in _EVENTS:
            self.hit()

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.hit()
            return call(*arguments)

        return counted

    def hit(self) -> None:
        if self.count == self._at:
            os._exit(_CRASHED)
        self.count += 1


def forked(act: Callable[[], None]) -> int:
    """Run something in a fork; return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def calls_of(config: BuildConfig) -> int:
    """Count the calls of a build that changes files."""
    reading, writing = os.pipe()

    def act() -> None:
        crash = Crash(config.out, None)
        fake.fake_build(config)
        count = str(crash.count).encode()
        os.close(reading)
        with open(writing, "wb") as file:
            file.write(count)

    assert forked(act) == 0
    os.close(writing)
    with open(reading, "rb") as file:
        return int(file.read())


def try_points(
    config: BuildConfig, whole: dict[str, bytes], before: Path | None, every: int
) -> dict[str, Any]:
    """End a build at every so many calls, continue it, and compare its bytes.

    Args:
        config: The build.
        whole: The files that it must end with.
        before: What is in its folder when it begins; nothing if not given.
        every: Try one of so many points.
    """

    def prepare() -> None:
        shutil.rmtree(config.out, ignore_errors=True)
        if before is not None:
            shutil.copytree(before, config.out)

    def crash() -> None:
        Crash(config.out, point)
        fake.fake_build(config)

    prepare()
    calls, problems = calls_of(config), []
    points = range(0, calls, every)
    for point in points:
        prepare()
        if forked(crash) != _CRASHED:
            problems.append(f"{point}: the build did not end there")
        if forked(lambda: fake.fake_build(config) and None) != 0:
            problems.append(f"{point}: the build did not continue")
        elif (found := fake.files_of(config.out)) != whole:
            names = sorted(n for n in found.keys() | whole if found.get(n) != whole.get(n))
            problems.append(f"{point}: other bytes in {names}")
        if list(config.out.rglob(".*")) or (config.out / "build.lock").exists():
            problems.append(f"{point}: something is left")
    return {"calls": calls, "tried": len(points), "problems": problems}


def main(folder: Path, every: int) -> None:
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)  # a thread pool does not survive a fork
    lock.HEARTBEAT = 1e6  # a call now and then, by the clock, could not be counted
    fake.install()
    photos = fake.write_photos(folder / "photos")
    first = fake.config_of(photos, folder / "first" / "bank")
    fake.fake_build(first)
    new = fake.config_of(photos, folder / "new" / "bank")  # the card names the folder
    new.out.parent.mkdir()  # else the first build, which counts, has more to do than the others
    results = {"a new bank": try_points(new, fake.files_of(first.out), None, every)}

    # A bank that grows sets its shards aside, and has an old manifest for a while.
    shutil.copytree(first.out, folder / "before")
    fake.write_photos(photos, per_class=3)
    fake.fake_build(first)
    grown = fake.files_of(first.out)
    results["a grown bank"] = try_points(new, grown, folder / "before", every)
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
