"""Runs of several splits of the classes and several generators, read and checked.

They must differ in nothing else, and every split must have been run with every generator: if not, a
generator's figures would be those of its splits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Floats
from genie_transforms import MissingFileError, UserError

from .over_splits import DrawnSplit
from .record import digest_of_episodes, drawing_from, from_counts
from .scoring import draw_from


@dataclass(frozen=True)
class Runs:
    """The runs of all splits with all generators.

    Attributes:
        splits: Numbers of the splits, increasing.
        generators: Digest and name of each, in the order of the files.
        content: What each split and generator, by its digest, has written.
        files: Where it stood.
    """

    splits: list[int]
    generators: dict[str, str]
    content: dict[tuple[int, str], dict[str, Any]]
    files: dict[tuple[int, str], Path]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings, the same in all."""
        settings: dict[str, Any] = next(iter(self.content.values()))["run"]["settings"]
        return settings

    def drawn(self, k_shot: int) -> list[DrawnSplit]:
        """Draw the episodes of each split again, as the runs did.

        Raises:
            UserError: Other episodes came out, as of another version of NumPy.
        """
        found = []
        for split in self.splits:
            key = split, next(iter(self.generators))
            about, path = self.content[key], self.files[key]
            settings, count = self.settings, len(about["classes"])
            sizes = settings["per_class"], settings["queries_per_class"]
            labels = np.concatenate([np.arange(count).repeat(size) for size in sizes])
            kept = about["run"]["drawings"][str(k_shot)]
            episodes = draw_from(labels, count * sizes[0], drawing_from(kept))
            if digest_of_episodes(episodes) != kept["sha256"]:
                wanted = about["versions"]["numpy"]
                raise UserError(
                    f"{path}: its episodes cannot be drawn again with NumPy {np.__version__}; it "
                    f"was run with {wanted}"
                )
            classes = tuple(about["classes"])
            found.append(DrawnSplit(classes, labels, count * sizes[0], episodes))
        return found

    def accuracies(self, arm: str, k_shot: int, split: int, generator: str) -> Floats:
        """Return what an arm got in the first episodes of a run, ``(E,)``; NaN where it failed."""
        about = self.content[split, generator]
        n_way, n_query = self.settings["n_way"], self.settings["n_query"]
        queries = n_way * (n_query or self.settings["queries_per_class"])
        (entry,) = (e for e in about["arms"] if e["arm"] == arm and e["k_shot"] == k_shot)
        return from_counts(entry["right"], queries)


def read_runs(paths: Sequence[Path]) -> Runs:
    """Read what `benchmarks.few_shot --json` wrote for each split and generator.

    Raises:
        MissingFileError: A file is not there.
        UserError: A file is none of this version's, or of no drawn split; settings, encoders or
            images differ; a split and generator stand in two files, or in none.
    """
    content: dict[tuple[int, str], dict[str, Any]] = {}
    files: dict[tuple[int, str], Path] = {}
    generators: dict[str, str] = {}
    for path in paths:
        about = _read(path)
        key = about["run"]["class_split"], about["run"]["generator"]["sha256"]
        if key in files:
            raise UserError(
                f"{path} and {files[key]} are of split {key[0]} and the same generator: give one"
            )
        generators[key[1]] = about["run"]["generator"]["name"]
        content[key], files[key] = about, path
    if not files:
        raise UserError("give --runs, the files that benchmarks.few_shot --json wrote")
    runs = Runs(sorted({split for split, _ in files}), generators, content, files)
    _check_alike(runs)
    for split in runs.splits:
        for digest, name in generators.items():
            if (split, digest) not in files:
                raise UserError(
                    f"no run of split {split} with the generator {name}, {digest}: every split "
                    "needs every generator"
                )
    return runs


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError(f"no figures to pool at {path}")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        complete = {"arms", "classes", "run", "versions"} <= content.keys()
    except (ValueError, AttributeError):
        complete = False
    if not complete:
        raise UserError(f"{path} is not what this version of benchmarks.few_shot --json writes")
    if content["run"]["class_split"] is None:
        raise UserError(f"{path} is of no drawn split: run it with --data.class-split")
    return content


def _check_alike(runs: Runs) -> None:
    """Refuse runs that differ in more than split and generator."""
    settings, (first, *_) = runs.settings, runs.files.values()
    encoders: dict[int, tuple[str, Path]] = {}
    images: dict[str, tuple[str, Path]] = {}
    drawings: dict[int, tuple[dict[str, Any], Path]] = {}
    for key, path in runs.files.items():
        run = runs.content[key]["run"]
        for name in sorted(settings.keys() | run["settings"].keys()):
            own, other = run["settings"].get(name), settings.get(name)
            if own != other:
                raise UserError(
                    f"{path} was run with {name} = {own!r}, {first} with {other!r}: they cannot "
                    "be pooled"
                )
        digest, where = encoders.setdefault(key[0], (run["encoder"]["sha256"], path))
        if digest != run["encoder"]["sha256"]:
            raise UserError(f"{path} and {where} have other encoders of split {key[0]}")
        episodes, where = drawings.setdefault(key[0], (run["drawings"], path))
        if episodes != run["drawings"]:
            raise UserError(f"{path} and {where} have other episodes of split {key[0]}")
        for name, of_class in run["images"].items():
            digest, where = images.setdefault(name, (of_class, path))
            if digest != of_class:
                raise UserError(f"{path} and {where} have other images of {name}")
