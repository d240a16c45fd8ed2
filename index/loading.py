"""What opening a model shows: bars on a terminal under a command, nothing from Python."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

logger = logging.getLogger("genie")


def is_shown() -> bool:
    """Tell whether progress is shown: someone watches, and asked for what is logged at INFO."""
    return logger.isEnabledFor(logging.INFO) and sys.stderr.isatty()


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Show no bars of diffusers and transformers while they open a model, unless `is_shown`.

    Their settings are the process's own, so what they were before is restored.
    """
    # Heavy; whoever opens a model has loaded them.
    from diffusers.utils import logging as of_diffusers
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars
    from transformers.utils import logging as of_transformers

    with ExitStack() as restored:
        if not is_shown():
            if are_progress_bars_disabled():  # transformers' switch moves the hub's, too
                restored.callback(disable_progress_bars)
            for library in (of_diffusers, of_transformers):
                if library.is_progress_bar_enabled():
                    library.disable_progress_bar()
                    restored.callback(library.enable_progress_bar)
        yield
