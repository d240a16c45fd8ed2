"""`python -m benchmarks.hardness`."""

import logging

import tyro

from .run import HardnessConfig, main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(HardnessConfig, prog="python -m benchmarks.hardness"))
