"""A build that is killed as soon as it has written a shard, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

_PROGRAM = """
import os, signal, sys
from index.build import main, shards

write_pairs = shards.write_pairs

def write_and_die(*arguments):
    write_pairs(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

shards.write_pairs = write_and_die
main(sys.argv[1:])
"""


def build_and_kill(flags: Sequence[str]) -> None:
    """Run `python -m index.build`, and kill it behind its first shard."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *flags], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
