"""`python -m benchmarks.choosing_r`."""

import logging

import tyro

from .run import ChoosingConfig, main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(ChoosingConfig, prog="python -m benchmarks.choosing_r"))
