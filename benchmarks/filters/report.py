"""The figures of a filter, and the table of a bank's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.few_shot import cell
from benchmarks.measure import Floats, mean_and_interval, paired_difference

Mask = npt.NDArray[np.bool_]

COMPARED = {"all": "to_all", "none": "to_none", "random": "to_random"}
"""What a filter is compared with: all negatives, none, as many at random; and its name."""


def entry_of(keep: str, mask: Mask, right: Mask) -> dict[str, Any]:
    """Return what a filter drops, and what the oracle says of it.

    Args:
        keep: The filter.
        mask: Rows that it keeps, ``(N,)``.
        right: Rows that the oracle calls right, ``(N,)``.
    """
    return {
        "keep": keep,
        "dropped": int((~mask).sum()),
        "dropped_percent": _percent(~mask),
        "right_kept_percent": _percent(right[mask]),
        "right_dropped_percent": _percent(right[~mask]),
        "right_rows_kept_percent": _percent(mask[right]),
        "accuracy": {},
    }


def compare(accuracies: Mapping[str, Floats]) -> dict[str, Any]:
    """Return the mean accuracy of a filter, and its paired differences, in percent.

    Args:
        accuracies: In [0, 1] on the same episodes, ``(E,)``, NaN where a head failed: "filter", and
            what it is compared with (see `COMPARED`).
    """
    own = 100 * accuracies["filter"]
    mean, interval = mean_and_interval(own)
    found: dict[str, Any] = {"mean": round(mean, 2), "interval": round(interval, 2)}
    for name, key in COMPARED.items():
        difference, bounds = paired_difference(own, 100 * accuracies[name])
        found[key] = round(difference, 2)
        found[f"{key}_interval"] = [round(bound, 2) for bound in bounds]
    found["failed"] = int(np.isnan(own).sum())
    return found


def table(name: str, bank: Mapping[str, Any], k_shot: Sequence[int]) -> str:
    """Lay out the filters of a bank as a table in Markdown."""
    shots = [f"{k}-shot" for k in k_shot]
    columns = [f"{shot}, % | to all | to as many at random" for shot in shots]
    head = ["drops, %", "right of kept, %", "right of dropped, %", *columns]
    lines = [
        f"{name}: {bank['rows']} rows, {bank['right_percent']:.1f} % right",
        "",
        f"| filter | {' | '.join(head)} |",
        "|---" * (4 + 3 * len(shots)) + "|",
    ]
    for entry in bank["filters"]:
        cells = [cell(entry[key]) for key in
                 ("dropped_percent", "right_kept_percent", "right_dropped_percent")]  # fmt: skip
        for shot in shots:
            found = entry["accuracy"][shot]
            cells.append(f"{found['mean']:.1f} ± {found['interval']:.1f}")
            cells += [_difference(found, key) for key in ("to_all", "to_random")]
        lines.append(f"| `{entry['keep']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _difference(found: Mapping[str, Any], key: str) -> str:
    low, high = found[f"{key}_interval"]
    return f"{found[key]:+.1f} ({low:+.1f} … {high:+.1f})"


def _percent(values: Mask) -> float | None:
    return round(100 * float(values.mean()), 2) if len(values) else None
