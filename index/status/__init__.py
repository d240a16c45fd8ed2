"""How far a build is, and how it went: `python -m index.status BANK`.

It reads what the folder holds, by names and statistics, while a build writes there or after it: it
takes no lock, writes nothing, opens no rows, and needs no model.
"""

from .command import main

__all__ = ["main"]
