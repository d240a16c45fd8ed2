"""`python -m benchmarks.analyses`."""

import logging

import tyro

from .run import AnalysesConfig, main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(AnalysesConfig, prog="python -m benchmarks.analyses"))
