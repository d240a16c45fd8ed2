"""The conductor of `python -m index.build`: it calls the rooms in order and computes nothing.

`build` is five calls, each with a file of its name: open what is needed and refuse what cannot be
built, prepare embeddings and plan, describe what may not change midway, run the shards, finish the
bank. A build that was interrupted is continued by the same command.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .command import main

if TYPE_CHECKING:
    from .builder import build, build_bank, report_build
    from .describe import scope_of
    from .estimate import network_rows_per_pair
    from .prepare import embed_sources, preview_pairs, resolve
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "builder": ["build", "build_bank", "report_build"],
            "describe": ["scope_of"],
            "estimate": ["network_rows_per_pair"],
            "prepare": ["embed_sources", "preview_pairs", "resolve"],
        },
    )

__all__ = [
    "build",
    "build_bank",
    "embed_sources",
    "main",
    "network_rows_per_pair",
    "preview_pairs",
    "report_build",
    "resolve",
    "scope_of",
]
