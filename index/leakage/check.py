"""Compare a bank with a held-out set: equal images, nearly equal ones, and distances."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genie_transforms import MissingFileError, UserError
from genie_transforms.format import Manifest, write_json
from index.device import choose_device
from index.embed import (
    Distances,
    EmbeddingIndex,
    Embeddings,
    distances,
    load_backbone,
    nearest,
)
from index.sources import open_images
from index.store import chosen_embeddings, embeddings_path, finished_shards, read_shard, read_table

from .config import LeakageConfig
from .held_out import passed_over, read_held_out

logger = logging.getLogger("genie.leakage")


_SHOWN = 10
"""Files that each list of the text names, at most."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        bank: Folder of the bank.
        test: Folder of the held-out images.
        test_images: How many were compared.
        unreadable: Held-out files that could not be, or that no build would read, and why.
        same: Held-out files whose pixels are those of a source.
        near_sources: Held-out file, and cosine to the nearest source, where that is large; None if
            it cannot be known, since the bank keeps its sources' embeddings only compressed.
        near_negatives: Held-out file, and cosine to the nearest negative, where that is large.
        train_test: Distances between sources and held-out images; None as for near_sources.
        augmented_test: Distances between negatives and held-out images; None for an empty bank.
    """

    bank: str
    test: str
    test_images: int
    unreadable: dict[str, str]
    same: list[str]
    near_sources: dict[str, float] | None
    near_negatives: dict[str, float]
    train_test: Distances | None
    augmented_test: Distances | None


def check_leakage(config: LeakageConfig) -> Report:
    """Compare a bank with a held-out set.

    Raises:
        BankNotFoundError: There is no such bank.
        MissingFileError: The bank's index or embeddings, or held-out images, are missing.
        UnfinishedBankError: The bank's build did not end.
        UserError: The bank's backbone is another one now; no held-out image can be read; or near
            sources are to count, and cannot be known.
    """
    manifest = Manifest.read(config.bank)
    files = open_images(config.test, f"--test {config.test}")
    for kind, count in files.left_out.items():
        logger.warning("--test %s: left out %d %s", config.test, count, kind)
    index = EmbeddingIndex.load(config.bank / "index")
    train, augmented = _sources(index, config), _negatives(config.bank)
    backbone = load_backbone(manifest.recipe["backbone"], device=choose_device(config.device))
    if backbone.fingerprint() != manifest.fingerprint["backbone"]:
        raise UserError(
            f"the backbone {manifest.recipe['backbone']!r} is no longer the one that {config.bank} "
            "was built with: restore its weights"
        )
    held_out = read_held_out(files, backbone, manifest.recipe["resolution"])
    held_out.unreadable.update(passed_over(config.test, files.ids))
    sources = set(index.digests) | set(_column(config.bank, "source_digest"))
    names, test = held_out.names, held_out.embeddings
    return Report(
        bank=str(config.bank),
        test=str(config.test),
        test_images=len(names),
        unreadable=held_out.unreadable,
        same=[name for name, keys in zip(names, held_out.digests, strict=True) if keys & sources],
        near_sources=None if train is None else nearly_same(train, test, names, config.similarity),
        near_negatives=nearly_same(augmented, test, names, config.similarity),
        train_test=None if train is None else distances(train, test),
        augmented_test=distances(augmented, test) if len(augmented) else None,
    )


def _sources(index: EmbeddingIndex, config: LeakageConfig) -> Embeddings | None:
    """Read the embeddings of all sources, ``(N, D)`` float32; None if they are only compressed.

    Raises:
        UserError: They are, and near sources are to count.
    """
    # Decoded ones would say of most copies that they are none.
    if index.keeps_embeddings:
        return index.embeddings()
    why = (
        f"{config.bank} keeps the embeddings of its sources compressed, as {index.factory!r}, and "
        "so which held-out images are nearly the same cannot be known: run its build again, which "
        "makes no image again and keeps them exactly"
    )
    if config.near:
        raise UserError(why)
    logger.warning("%s", why)
    return None


def nearly_same(
    first: Embeddings, second: Embeddings, names: Sequence[str], similarity: float
) -> dict[str, float]:
    """Name the images of the second set that have a near neighbour in the first.

    Args:
        first: ``(N, D)`` float32, unit norm.
        second: ``(M, D)`` float32, unit norm.
        names: Of the second set, M.
        similarity: From this cosine on, two images are nearly the same.

    Returns:
        Name and cosine to the nearest one.
    """
    if not len(first):
        return {}
    _, cosines = nearest(first, second, 1)
    near = zip(names, cosines[:, 0].tolist(), strict=True)
    return {name: round(cosine, 4) for name, cosine in near if cosine >= similarity}


def _column(bank: Path, name: str) -> list[Any]:
    values: list[Any] = read_table(bank, [name])[name].to_pylist()
    return values


def _negatives(bank: Path) -> Embeddings:
    """Read the embeddings of all negatives, ``(N, D)`` float32."""
    blocks = []
    for shard in sorted(finished_shards(bank)):
        path, rows = embeddings_path(bank, shard), read_shard(bank, shard, ["label"]).num_rows
        if not path.exists():
            raise MissingFileError(f"{path} is missing: leakage needs the bank as it was built")
        if rows:
            blocks.append(chosen_embeddings(path, rows))
    return np.concatenate(blocks) if blocks else np.zeros((0, 0), dtype=np.float32)


def show(report: Report) -> str:
    """Return some lines of text."""
    lines = [
        f"held out     {report.test_images} images in {report.test}",
        f"same         {len(report.same)} have the pixels of a source",
        *(f"  {name}" for name in report.same[:_SHOWN]),
    ]
    for name, near in (("source", report.near_sources), ("negative", report.near_negatives)):
        if near is None:
            lines.append(f"near         cannot be known of a {name}: embeddings are compressed")
            continue
        lines.append(f"near         {len(near)} are nearly the same as a {name}")
        ranked = sorted(near.items(), key=lambda item: -item[1])[:_SHOWN]
        lines += [f"  {file}  {cosine:.4f}" for file, cosine in ranked]
    for name, found in (("train", report.train_test), ("augmented", report.augmented_test)):
        if found is not None:
            middle = ", ".join(f"{value:.3f}" for value in found.quantiles)
            lines.append(
                f"{name + '–test':<12} cosine distance {found.mean:.3f} ± {found.std:.3f} "
                f"(5, 25, 50, 75, 95 %: {middle}); to the nearest {found.nearest_mean:.3f}"
            )
    if report.unreadable:
        count = len(report.unreadable)
        lines.append(f"not read     {count} files, of which nothing is known: mend or remove them")
        lines += [f"  {name}  {why}" for name, why in list(report.unreadable.items())[:_SHOWN]]
    return "\n".join(lines)


def run(config: LeakageConfig) -> None:
    """Print the report and write it, if asked for; exit with 1 unless all was seen and is new."""
    report = check_leakage(config)
    print(show(report))
    if config.json:
        write_json(config.json, asdict(report))
    if report.same or report.unreadable or (config.near and report.near_sources):
        sys.exit(1)
