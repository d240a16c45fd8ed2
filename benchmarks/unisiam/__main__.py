"""`python -m benchmarks.unisiam`."""

import logging

import tyro

from .config import UniSiamConfig
from .run import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(UniSiamConfig, prog="python -m benchmarks.unisiam"))
