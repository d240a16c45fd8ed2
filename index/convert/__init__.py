"""Disk to disk, `python -m index.convert`: merge, export, and import what other code wrote."""

from .commands import main

__all__ = ["main"]
