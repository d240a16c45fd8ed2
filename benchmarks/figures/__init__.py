"""The paper's figures from a bank with `--keep-sweep`: `python -m benchmarks.figures`.

A file for each figure; `material.py` holds what they are drawn from, `make.py` makes what no bank
holds, and `sheets.py` is how rows of images are laid out.
"""
