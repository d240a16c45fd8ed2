"""Build a bank."""

from __future__ import annotations

import time
from pathlib import Path

from index.config import BuildConfig

from .describe import describe
from .estimate import dry_run
from .finish import finish
from .open import open_build
from .prepare import prepare
from .run import run


def build(config: BuildConfig) -> Path:
    """Build the bank that `config` describes, or continue it.

    Args:
        config: The build.

    Returns:
        The folder of the bank.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
        MissingFileError: A file or folder that a setting names is not there.
        ModelError: The model cannot be opened or used.
        UserError: A setting cannot be used, alone or with these images.
    """
    start = time.perf_counter()
    opened = open_build(config)
    prepared = prepare(opened)
    description = describe(prepared)
    if config.dry_run:
        print(dry_run(prepared, description))
        return config.out
    run(prepared, description)
    print(finish(prepared, description, start))
    return config.out
