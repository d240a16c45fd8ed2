"""`python -m benchmarks.build_speed`."""

import logging

import tyro

from .run import Config, main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(Config, prog="python -m benchmarks.build_speed"))
