"""Everything that people do with a bank, done with one that anybody may have made."""

from __future__ import annotations

import json
import logging
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from genie_transforms import Bank, GeNIeError, GeNIeTransform
from index.status.reading import read_status
from index.status.text import lines

_MAX_ROWS = 40
_KEEP = "on_target & noise_ratio >= 0.5 & label not in (1, 2) | method == 'x' & ~duplicate"
_JUDGED = "oracle_class in ('a', 'cat') | oracle_target_probability > 0.5 & ~rejected"


@dataclass
class Reading:
    """What came of a bank.

    Attributes:
        opened: Whether it was opened.
        sound: Whether `verify` found nothing.
        foreign: Tracebacks of exceptions that are not this library's.
    """

    opened: bool = False
    sound: bool = False
    foreign: list[str] = field(default_factory=list)


def read_all(folder: Path, out: Path, *, convert: bool) -> Reading:
    """Open a bank, filter, look up, decode, draw, merge, export, verify and say its status.

    Args:
        folder: The bank.
        out: An empty folder, for what is written.
        convert: Whether to write anything.
    """
    warnings.simplefilter("ignore")
    logging.disable()
    reading = Reading()

    def opened() -> None:
        bank = Bank.open(folder, keep=None)
        reading.opened = True
        for use in (_look_up, _decode, _draw, _train, *([_convert] if convert else [])):
            attempt(lambda use=use: use(bank, out))

    def verified() -> None:
        try:
            reading.sound = not Bank(folder, None).verify()
        except GeNIeError as error:
            raise RuntimeError("verify must not raise") from error

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except GeNIeError:
            pass
        except Exception:  # noqa: BLE001 - to count these is what this is for
            reading.foreign.append(traceback.format_exc())

    for step in (
        opened,
        lambda: repr(Bank.open(folder, keep=_KEEP)),
        lambda: repr(Bank.open(folder, keep=_JUDGED)),
        verified,
        lambda: _say_status(folder),
    ):
        attempt(step)
    return reading


def _say_status(folder: Path) -> None:
    """Say how far the build of a bank is, or in a line why that cannot be said.

    Raises:
        GeNIeError: There is no bank.
        RuntimeError: A line is none, or cannot be written to a terminal.
    """
    try:
        status = read_status(folder)
    except GeNIeError as error:
        if len(str(error).splitlines()) != 1:
            raise RuntimeError("an error must be one line") from error
        raise
    json.dumps(status.to_json())
    for line in lines(status):
        if not line.isprintable():
            raise RuntimeError(f"{line!r} is none")
        line.encode()


def _look_up(bank: Bank, _: Path) -> None:
    """Read all columns and indexes."""
    for index in range(min(len(bank), _MAX_ROWS)):
        row = bank[index]
        bank.rows_of_source(row.source_digest)
        bank.class_of_source(row.source_digest)
        for name in row.judgements:
            bank.column(name)
    for label in range(len(bank.class_names)):
        bank.rows_of_class(label)
    for name in ("seed", "prompt", "on_target", "noise_ratio"):
        bank.column(name)
    bank.digest_of(torch.zeros(3, 8, 8, dtype=torch.uint8))
    bank.manifest.to_json()
    repr(bank)
    bank.projections()


def _decode(bank: Bank, _: Path) -> None:
    """Decode every image, whatever the one before it was."""
    for index in range(min(len(bank), _MAX_ROWS)):
        for decode in (bank.image, lambda row: bank.planes(row, (8, 8)), bank.sweep):
            try:
                decode(index)
            except GeNIeError:
                continue


def _draw(bank: Bank, _: Path) -> None:
    """Replace samples, by class and by source."""
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    for replace in ("target", "source"):
        transform = GeNIeTransform(bank, p=1.0, replace=replace)
        for label in range(min(len(bank.class_names), 2)):
            try:
                transform(image, label)
            except GeNIeError:
                continue


def _train(bank: Bank, _: Path) -> None:
    """Read the negatives as a dataset."""
    dataset = bank.as_dataset()
    for index in range(min(len(dataset), 3)):
        dataset[index]


def _convert(bank: Bank, out: Path) -> None:
    """Write the bank in other layouts, and again as a bank."""
    for number, write in enumerate(
        (
            lambda path: bank.export(path, "imagefolder"),
            lambda path: bank.export(path, "webdataset"),
            lambda path: Bank.merge([bank.path], path),
        )
    ):
        try:
            write(out / str(number))
        except GeNIeError:
            continue
