"""`python -m benchmarks.few_shot`."""

import logging

import tyro

from .config import FewShotConfig
from .run import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(FewShotConfig, prog="python -m benchmarks.few_shot"))
