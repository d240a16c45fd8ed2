"""From disk to disk, `python -m index.convert`: merge banks, export them and import
them again, import foreign images.

Knows the format of a bank and nothing else of `index`, but for the index of a merged bank. A new
foreign layout is one file that reads it as a list of `ForeignImage`, and a subcommand in
`commands.py`.
"""

from .commands import main

__all__ = ["main"]
