"""Train with and without the demo's bank: `python -m index.demo.classify`, or `make train`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from index.command import run_command

from .config import ClassifyConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_print, ClassifyConfig, "index.demo.classify", arguments)


def _print(config: ClassifyConfig) -> None:
    from .comparison import compare, describe  # takes seconds, which --help should not

    start = time.perf_counter()
    text = describe(config, compare(config))
    print(f"{text}\nthis run     {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
