"""The text at the end of a build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from genie_transforms import Bank
from genie_transforms.format import DEFAULT_KEEP, SOURCES, KnownSources, Manifest
from index.store import read_stats

_SHOWN = 20
"""Classes that are named, at most."""


def summarize(
    out: Path,
    table: pa.Table,
    seconds: float,
    oracle_names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Summarize a finished bank.

    Args:
        out: Folder of the bank.
        table: Its rows; images and sweeps are not needed.
        seconds: Duration of this run.
        oracle_names: The class that an independent classifier sees in each row, if there is one.
        notes: Further lines, on the images that it was made from.

    Returns:
        Some lines of text.
    """
    manifest, stats = Manifest.read(out), read_stats(out)
    counts = manifest.counts
    when = " in the last builds" if counts["reused"] else ""
    lines = [
        "",
        f"bank         {out}",
        f"pairs        {counts['pairs']} planned, {counts['rows']} made, {counts['failed']} failed",
        f"network      {counts['network_rows']} rows through the denoiser{when}, guidance counted",
    ]
    if counts["reused"]:
        before = "what they cost is in none of these numbers"
        lines.append(f"reused       {counts['reused']} pairs were made before: {before}")
    lines += [f"  failed     {n} x {reason}" for reason, n in _reasons(stats).most_common()]
    if table.num_rows:
        lines += _histogram(table)
        lines.append(f"on target    {_share(table['on_target'])} by the backbone's nearest class")
        lines.append(
            f"duplicates   {_share(table['duplicate'])} are nearly identical to their source"
        )
        lines += _marks(table)
        lines += _kept(out)
    lines += [*notes, *_known(out, manifest)]
    if oracle_names:
        targets = [manifest.class_names[label] for label in table["label"].to_pylist()]
        right = np.mean([a == b for a, b in zip(oracle_names, targets, strict=True)])
        lines.append(f"oracle       {right:.1%} are the target class to an independent classifier")
    stages: Counter[str] = Counter()
    for entry in stats:
        stages.update(entry["seconds"])
    spent = ", ".join(f"{stage} {value:.1f} s" for stage, value in stages.most_common())
    lines += [f"stages       {spent}", f"this run     {seconds:.1f} s"]
    seen = [out / name for name in ("preview.png", "report.html") if (out / name).exists()]
    if seen:
        lines.append(f"look at      {' and '.join(map(str, seen))}")
    return "\n".join(lines)


def _reasons(stats: list[dict[str, list[dict[str, str]]]]) -> Counter[str]:
    return Counter(failure["reason"] for entry in stats for failure in entry["failures"])


def _marks(table: pa.Table) -> list[str]:
    """Count the marks that rows rarely have."""
    meanings = {
        "near_duplicate": "are nearly identical to an earlier one of their class",
        "blank": "are nearly one colour",
        "stale": "are stale: their class has moved, see --refresh-stale",
    }
    counts = {name: sum(map(bool, table[name].to_pylist())) for name in meanings}
    return [f"  marked     {count} {meanings[name]}" for name, count in counts.items() if count]


def _kept(out: Path) -> list[str]:
    """Say what training will use, and which classes have nothing."""
    # Not `Bank.open`, which would log a part of this as well.
    kept = Bank(out, DEFAULT_KEEP).kept
    lines = [f"training     {kept}"]
    if kept.empty_classes:
        names = ", ".join(kept.empty_classes[:_SHOWN])
        more = len(kept.empty_classes) - _SHOWN
        also = f" and {more} more" if more > 0 else ""
        lines.append(f"  no rows    of {names}{also}: images of these classes stay as they are")
    return lines


def _known(out: Path, manifest: Manifest) -> list[str]:
    """Say which source images cannot be recognised, because they are there in two classes."""
    if manifest.sources is None:
        return []
    known = KnownSources.read(out / SOURCES, manifest.sources, len(manifest.class_names))
    count = known.num_ambiguous
    if not count:
        return []
    return [
        f"two classes  {count} of {len(known)} images are there in more than one class: without a "
        f"label they are unknown, and stay as they are"
    ]


def _share(column: pa.ChunkedArray) -> str:
    return f"{np.mean(column.to_numpy()):.1%}"


def _histogram(table: pa.Table) -> list[str]:
    """Draw how often each r was chosen."""
    # In double precision: a float32 0.7 is not the 0.7 of the grid.
    ratios = np.round(table["noise_ratio"].to_numpy().astype(np.float64), 4)
    lines = [f"noise ratio  mean {ratios.mean():.2f}, spread {ratios.std():.2f}"]
    for ratio in np.unique(np.round(np.concatenate(table["noise_ratios"].to_pylist()), 4)):
        count = int((ratios == ratio).sum())
        bar = "█" * round(40 * count / len(ratios))
        lines.append(f"  r = {ratio:<4g}   {count:5d} {bar}")
    return lines
