"""The owner of a build that is killed: `python -m index.build`, whose workers start in a moment."""

from __future__ import annotations

import multiprocessing
import sys

from index.build import main
from index.build.executors import local

if __name__ == "__main__":
    # Forked from a process that has imported everything, or a kill would cost a minute of imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kills.warm"])
    local.multiprocessing.get_context = lambda method: context  # type: ignore[assignment]
    main(sys.argv[1:])
