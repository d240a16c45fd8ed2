"""Change banks, let each be read by a process of its own, and count what happened."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from .bank_files import Files, good_banks, write_files
from .columns import change_columns
from .mutations import change_json, cut, flip_bytes, other_content, other_kind, put_numbers
from .reader import Reading, read_all

_MUTATIONS = (
    flip_bytes, put_numbers, put_numbers, cut, other_content, other_kind, change_json, change_json,
    change_columns, change_columns, change_columns,
)  # fmt: skip
_MEMORY = 2**30  # beyond what the process has when it starts
_SECONDS = 10  # of computing for one input: of a machine that others use, too
_PATIENCE = 300  # seconds for one input that waits
_BATCH = 100  # inputs of one process: to fork one costs as much as some of them
_HANGS = (signal.SIGPROF, signal.SIGALRM)
_SHOWN = 10


@dataclass
class Counts:
    """What became of the inputs.

    Attributes:
        inputs: How many were tried.
        opened: Banks that were opened, whatever came after.
        sound: Those of them in which `verify` found nothing.
        deaths: Processes that ended by a signal.
        hangs: Processes that ran out of time.
        foreign: Inputs with an exception that is none of this library's.
        peak: Most memory that an input took beyond what the process began with, in bytes.
        reports: Input and traceback of the first failures of each kind.
    """

    inputs: int = 0
    opened: int = 0
    sound: int = 0
    deaths: int = 0
    hangs: int = 0
    foreign: int = 0
    peak: int = 0
    reports: dict[str, str] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def failures(self) -> int:
        """Inputs that should not have ended as they did."""
        return self.deaths + self.hangs + self.foreign

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.inputs} inputs: {self.opened} opened ({self.sound} sound), {self.deaths} "
            f"deaths, {self.hangs} hangs, {self.foreign} with foreign exceptions; at most "
            f"{self.peak / 2**20:.0f} MiB"
        )


def mutated(banks: Sequence[Files], seed: int, index: int) -> Files:
    """Return an input: the same for the same numbers."""
    random = Random(f"{seed} {index}")
    files = dict(random.choice(banks))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        random.choice(_MUTATIONS)(random, files)
    return files


def fuzz(
    inputs: int,
    seed: int = 0,
    start: int = 0,
    keep: Path | None = None,
    show: Callable[[Counts], None] = lambda _: None,
) -> Counts:
    """Try inputs and count.

    Args:
        inputs: How many.
        seed: Of all inputs.
        start: The first one.
        keep: Where the last input is left; a temporary folder that is removed if not given.
        show: Called with the counts so far, now and then.
    """
    counts, banks = Counts(), good_banks()
    memory = Path("/dev/shm")  # banks are written for each input: not to a disk, if possible
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as root:
        # What is loaded or begun by the first use is there before the first fork.
        read_input(banks[0], Path(root, "first"), convert=True)
        index, stop = start, start + inputs
        while index < stop:
            work = Path(root, str(index)) if keep is None else keep
            batch = range(index, min(index + _BATCH, stop))
            index += _try_batch(counts, banks, seed, batch, work)
            shutil.rmtree(root if keep is None else keep / "out", ignore_errors=True)
            Path(root).mkdir(exist_ok=True)
            show(counts)
    return counts


def read_input(files: Files, work: Path, *, convert: bool) -> Reading:
    """Write a bank below `work`, and read it."""
    bank, out = work / "bank", work / "out"
    shutil.rmtree(work, ignore_errors=True)
    out.mkdir(parents=True)
    bank.mkdir()
    write_files(files, bank)
    return read_all(bank, out, convert=convert)


def _try_batch(counts: Counts, banks: Sequence[Files], seed: int, batch: range, work: Path) -> int:
    """Let a process of its own try some inputs; return how many it came through, or died at."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(banks, seed, batch, work, sender)
    os.close(sender)
    with open(receiver, "rb") as file:
        written = file.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    tried = 0
    for line in written.splitlines(keepends=True):
        try:
            reading = json.loads(line)
        except ValueError:  # of the end of a process, in the words of faulthandler
            break
        _count(counts, batch[tried], reading)
        tried += 1
        written = written[len(line) :]
    if tried == len(batch):
        return tried
    counts.inputs += 1
    hang = os.WIFSIGNALED(status) and os.WTERMSIG(status) in _HANGS
    counts.hangs += hang
    counts.deaths += not hang
    _report(counts, batch[tried], f"status {status}", written)
    return tried + 1


def _child(banks: Sequence[Files], seed: int, batch: range, work: Path, sender: int) -> None:
    """Try inputs within bounds, say of each what came of it, and never return."""
    try:
        faulthandler.enable(sender, all_threads=False)
        begun = _memory_of("VmRSS")
        resource.setrlimit(resource.RLIMIT_DATA, (_memory_of("VmData") + _MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Their default is to end the process, also one that waits in the system for ever.
        for kind in _HANGS:
            signal.signal(kind, signal.SIG_DFL)
        os.fsync = lambda descriptor: None  # nothing here has to outlast the machine
        for index in batch:
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            signal.alarm(_PATIENCE)
            # Writing takes longer than all reading: not of every bank.
            reading = read_input(mutated(banks, seed, index), work, convert=index % 5 == 0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - begun
            line = json.dumps({**asdict(reading), "peak": peak}) + "\n"
            os.write(sender, line.encode())
    except BaseException:  # noqa: BLE001 - nothing may return into the parent's code
        os.write(sender, traceback.format_exc().encode())
    finally:
        os._exit(0)


def _memory_of(kind: str) -> int:
    """Return what the system says of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024


def _count(counts: Counts, index: int, reading: dict[str, Any]) -> None:
    """Add one input to the counts."""
    counts.inputs += 1
    counts.peak = max(counts.peak, reading["peak"])
    counts.opened += reading["opened"]
    counts.sound += reading["sound"]
    counts.foreign += bool(reading["foreign"])
    for text in reading["foreign"]:
        _report(counts, index, text.strip().splitlines()[-1][:80], text)


def _report(counts: Counts, index: int, kind: str, text: str) -> None:
    """Keep the first of each kind."""
    counts.kinds[kind] += 1
    if kind not in counts.reports and len(counts.reports) < _SHOWN:
        counts.reports[kind] = f"input {index}: {text[-4000:]}"
