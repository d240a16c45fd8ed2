"""Measurements that anyone can repeat: `python -m benchmarks.NAME --json PATH`.

A room named like a command holds that command alone; `measure`, `datasets` and `episodes` are
shared by several. `results/` holds the figures that the README and `docs/` report.
"""
