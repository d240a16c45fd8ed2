"""Build a bank, from Python or for the command."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from genie_transforms import Bank, UserError
from genie_transforms.format import RemoteFolder
from index.config import BuildConfig
from index.device import nth_device
from index.sources import LabelledImages
from index.store import (
    NoMirror,
    begin_folder,
    check_kinds,
    hold_folder,
    mirrored,
    remove_leftovers_of_killed,
    remove_signs,
    signing,
)

from .describe import defaults_of, describe, describe_rows
from .estimate import dry_run
from .executors import Rank, check_ray, find_rank, follow, open_executor
from .finish import FinishBank
from .open import Opened, open_build
from .prepare import decide, prepare
from .run import run
from .stages import BuildStages
from .tasks import Order, run_here

logger = logging.getLogger("genie.build")


def build_bank(config: BuildConfig, source: LabelledImages | None = None) -> Bank:
    """Build a bank, or continue it, and open it.

    Nothing is printed: progress and summary go to the logger `genie`, at level INFO.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from index import BuildConfig, build_bank
    >>> out = Path(tempfile.mkdtemp()) / "bank"
    >>> bank = build_bank(BuildConfig(out=out, max_pairs=2, num_inference_steps=4, preview=0))
    >>> bank.path == out, len(bank.class_names)
    (True, 6)

    Args:
        config: The build.
        source: Source images in place of `config.source`: a dataset of (PIL image, label) with
            `classes`, and `targets` for the labels, as those of torchvision have; a `Subset` or
            `ConcatDataset` of such; or a Hugging Face `Dataset`.

    Raises:
        GeNIeError: See `build`; also for a `dry_run`, which leaves no bank.
    """
    if config.dry_run:
        raise UserError("a dry_run leaves no bank to open: use index.build.report_build")
    return Bank.open(build(config, source))


def build(config: BuildConfig, source: LabelledImages | None = None) -> Path:
    """Build the bank that `config` describes, or continue it.

    Args:
        config: The build.
        source: See `build_bank`.

    Returns:
        The folder of the bank; where `out` is a URI, the working folder.

    Raises:
        FolderInUseError: The folder holds something else, or a bank of another recipe.
        MissingFileError: A file or folder that a setting names is not there.
        ModelError: The model cannot be opened or used.
        UserError: A setting cannot be used, alone or with these images.
    """
    logger.info("%s", report_build(config, source))
    return config.folder


def report_build(
    config: BuildConfig, source: LabelledImages | None = None, *, stay: bool = True
) -> str:
    """Build as `build` does.

    Args:
        config: The build.
        source: See `build_bank`.
        stay: Whether a rank other than 0 returns only once the bank is finished, and not when it
            has done its own part.

    Returns:
        The summary of the bank, or for a `dry_run` the plan with its cost; some lines of text.
        Nothing from ranks other than 0.
    """
    start = time.perf_counter()
    rank = find_rank() if config.executor == "ranks" else None
    if config.executor == "ray":
        check_ray()
    stages = BuildStages(config, source)
    if rank is not None:
        config = replace(config, device=nth_device(config.device, rank.local))
        if rank.number:
            if not config.dry_run:
                follow(stages, rank, config.folder, config.device, stay=stay)
            return ""
    with _mirror(config) as mirror:
        opened = decide(open_build(config, source))
        if config.dry_run:
            prepared = prepare(opened)
            return str(dry_run(prepared, describe(opened, prepared)))
        summary = _build_as_owner(opened, stages, rank, mirror, start)
        return "\n".join([summary, *mirror.lines()])


def _build_as_owner(
    opened: Opened, stages: BuildStages, rank: Rank | None, mirror: NoMirror, start: float
) -> str:
    """Hold the folder, and make in it whatever is not yet made; return the summary."""
    out = opened.config.folder
    number, job = (None, None) if rank is None else (rank.number, rank.job)
    with hold_folder(out, job) as owner:
        check_kinds(out)
        remove_leftovers_of_killed(out)
        mirror.fetch()
        # Another recipe is refused now, and not after hours of embedding.
        begin_folder(out, describe_rows(opened), defaults_of(opened))
        try:
            with signing(out, owner.job, number) as sign:

                def begin(order: Order, task: int | None) -> None:
                    sign(order, task)
                    mirror.send()

                with open_executor(opened.given, stages, owner.job, rank, begin) as run_stage:
                    prepared = prepare(opened, run_stage)
                    description = describe(opened, prepared)
                    run(prepared, description, run_stage)
                last = FinishBank(prepared, description, start)
                run_here(last, begin)
            mirror.send()
            remove_leftovers_of_killed(out)  # of workers that the build outlived
        finally:
            remove_signs(out)
        return last.summary


@contextmanager
def _mirror(config: BuildConfig) -> Iterator[NoMirror]:
    """Own the place that `out` names, if it is a URI, while the block runs.

    Nothing is loaded yet: who cannot write there is told at once.
    """
    if config.uri is None:
        yield NoMirror()
    elif config.dry_run:
        folder = RemoteFolder.open(config.uri)
        logger.info("what is in %s is not counted, only what is in %s", folder.name, config.folder)
        yield NoMirror()
    else:
        with mirrored(config.folder, config.uri) as mirror:
            yield mirror
