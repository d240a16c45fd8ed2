"""`python -m benchmarks.fine_grained`."""

import logging

import tyro

from .run import FineGrainedConfig, main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(FineGrainedConfig, prog="python -m benchmarks.fine_grained"))
