"""Seeds that were run elsewhere, with another generator or on another machine, pooled with these.

Which test images an arm got right stands in the JSON as a bit each, so that arms can be compared
over seeds and images of several files.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets import LabelledSet, listing_digest
from genie_transforms import MissingFileError, UserError

from .arms import COMPARISONS
from .config import LongTailConfig
from .data import Integers, open_long_tail

_FREE = ("model", "oracle", "seeds", "training.precision")
"""Settings in which pooled files may differ: arms are compared within a seed, which has one
generator and one precision."""


def as_bits(right: npt.NDArray[np.bool_]) -> str:
    """Return a bit for each test image, in base 64: the first image is the highest bit."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def from_bits(bits: str, count: int) -> npt.NDArray[np.bool_]:
    """Return whether each of `count` test images was right, bool ``(count,)``.

    Raises:
        UserError: There are bits for another number of images.
    """
    packed = np.frombuffer(base64.b64decode(bits), dtype=np.uint8)
    if len(packed) != -(-count // 8):  # missing bits would count as wrong
        raise UserError(f"a pooled file is of other test images: not of {count}")
    return np.unpackbits(packed, count=count).astype(np.bool_)


def read_further(config: LongTailConfig, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the files of `config.pool` hold, after checking that it can be pooled.

    Args:
        config: The experiment.
        settings: Its own, as they are written.

    Raises:
        MissingFileError: A file is not there.
        UserError: It is none of this command's, its settings differ in more than the generator and
            the precision, an arm of the comparisons or its bits are missing, or a seed stands in
            two files.
    """
    seen = dict.fromkeys(config.seeds, "this run")
    found = []
    for path in config.pool:
        content = _read(path)
        _check_settings(path, settings, content["settings"])
        for number in content["settings"]["seeds"]:
            if number in seen:
                raise UserError(f"seed {number} is in {path} and in {seen[number]}")
            seen[number] = str(path)
        _check_arms(path, config, content)
        found.append(content)
    return found


def rows_digest(rows: Integers) -> str:
    """Return what tells whether a seed drew the same training images elsewhere."""
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16]


def about_images(pool: LabelledSet, test: LabelledSet) -> str:
    """Return what tells all images, and what their classes are called in prompts, from others."""
    listed = [listing_digest(data, np.arange(len(data))) for data in (pool, test)]
    called = [f"{name.display}, {name.superclass}" for name in pool.names]
    return hashlib.sha256("\n".join([*listed, *called]).encode()).hexdigest()[:16]


def check_same_images(
    config: LongTailConfig, further: list[dict[str, Any]], pool: LabelledSet, test: LabelledSet
) -> None:
    """Refuse files whose seeds drew other training images, as from a data set in another order.

    Args:
        config: The experiment.
        further: What `read_further` returned.
        pool: The training images that there are here.
        test: The test images.

    Raises:
        UserError: Names the file and the seed; or a file is of other images, or of another number
            of test images, or has other words for the classes.
    """
    here = about_images(pool, test) if further else ""
    for path, content in zip(config.pool, further, strict=True):
        if content.get("images", here) != here:  # earlier files do not say it
            raise UserError(f"{path} is of other images, or calls their classes otherwise")
        for number, digest in content["training_sets"].items():
            if digest != rows_digest(open_long_tail(config, pool, test, int(number)).rows):
                raise UserError(f"{path}: seed {number} drew other training images than here")
        for entry in content["arms"]:
            if "right" in entry:
                from_bits(entry["right"], len(test))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError(f"no figures to pool at {path}")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        complete = {
            "arms", "command", "generator", "machine", "settings", "training_sets",
        } <= content.keys()  # fmt: skip
    except (ValueError, AttributeError):
        complete = False
    if not complete:
        raise UserError(f"{path} is not what this version of benchmarks.long_tail --json writes")
    return content


def _check_settings(path: Path, own: dict[str, Any], other: dict[str, Any]) -> None:
    here, there = _flat(json.loads(json.dumps(own))), _flat(other)  # as in a file: no tuples
    for name in sorted(here.keys() | there.keys()):
        if name not in _FREE and here.get(name) != there.get(name):
            raise UserError(
                f"{path} was run with {name} = {there.get(name)!r}, not {here.get(name)!r}: its "
                "seeds cannot be pooled with these"
            )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with those of the training by names of their own."""
    of_training = {f"training.{name}": value for name, value in settings["training"].items()}
    return {k: v for k, v in settings.items() if k != "training"} | of_training


def _check_arms(path: Path, config: LongTailConfig, content: dict[str, Any]) -> None:
    """Refuse a file that would leave a comparison with fewer seeds; further arms may have those."""
    compared = list(dict.fromkeys(name for pair in COMPARISONS.values() for name in pair))
    there = {(entry["seed"], entry["arm"]) for entry in content["arms"] if "right" in entry}
    for number in content["settings"]["seeds"]:
        for name in compared:
            if name in config.arms and (number, name) not in there:
                raise UserError(
                    f"{path} has no arm {name} of seed {number}: leave it out of --arms"
                )
            if name not in config.arms and (number, name) in there:
                raise UserError(f"{path} has arm {name}: give --arms {name} here as well")


def generators_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return which generator and which precision of the trainings the seeds of a file had."""
    precision = {"precision": content["settings"]["training"]["precision"]}
    # An entry has its own if the file was pooled itself; before files had one precision.
    return [{**precision, **entry} for entry in content["generator"]]


def made_by(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return which command made which seeds of a file, on which machine."""
    pooled: list[dict[str, Any]] = content.get("pooled", [])
    seeds = set(content["settings"]["seeds"]) - {seed for made in pooled for seed in made["seeds"]}
    own = {"command": content["command"], "machine": content["machine"], "seeds": sorted(seeds)}
    return pooled + [own] * bool(seeds)  # without seeds of its own, it only reported
