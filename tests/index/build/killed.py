"""A build that is killed as soon as it has written a shard, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from index.build import build, shards
from index.config import BuildConfig

write_pairs = shards.write_pairs

def write_and_die(*arguments):
    write_pairs(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

shards.write_pairs = write_and_die
settings = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(sys.argv[1]).items()}
build(BuildConfig(**{**settings, "out": Path(settings["out"])}))
"""


def build_and_kill(settings: Mapping[str, Any]) -> None:
    """Build with some settings, and kill the process behind its first shard."""
    text = json.dumps(settings, default=str)
    done = subprocess.run([sys.executable, "-c", _PROGRAM, text], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
