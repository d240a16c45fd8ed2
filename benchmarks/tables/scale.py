"""Tables of the model of large builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .markdown import as_markdown, made_by, only, read

_FILE = "scale_model.json"

_DATA = {
    "ImageNet-LT, Few": "ImageNet-LT, 50 for each Few class",
    "ImageNet-1K": "ImageNet-1K, one for each image",
    "10^8 pairs": "the largest plan",
}

_METHODS = {
    "genie, r = 0.8": "GeNIe, r = 0.8",
    "genie-ada, preview": "Ada, preview",
    "genie-ada, full": "Ada, full",
}

_EXECUTORS = {"ray": "Ray", "workers": "`--workers`", "ranks": "ranks"}

_EFFICIENCIES = (
    ("ImageNet-1K", "ray"),
    ("ImageNet-1K", "workers"),
    ("ImageNet-1K", "ranks"),
    ("10^8 pairs", "ray"),
    ("ImageNet-LT, Few", "ray"),
)

_WORKERS = (1, 16, 64, 250, 1000)

_DYING = (("ray", 64), ("ray", 250), ("workers", 64), ("ranks", 16), ("ranks", 64), ("ranks", 250))

_MOST_SHARDS = 50_000
"""Of which a plan is refused beyond."""


def costs(results: Path) -> str:
    """Make the table of network rows and hours of three plans by three methods."""
    content = read(results, _FILE)
    gpus = [published["gpu"] for published in content["published"]]
    rows = [
        [
            _DATA[cost["data"]],
            f"{cost['pairs']:,}",
            _METHODS[cost["method"]],
            f"{cost['network_rows']:,}",
            *(_hours(cost["gpu_hours"][gpu]) for gpu in gpus),
        ]
        for cost in content["costs"]
    ]
    hours = [f"{gpu.split()[0]} hours" for gpu in gpus]
    table = as_markdown(["", "pairs", "method", "network rows", *hours], rows)
    return f"{table}\n\n{made_by(content, _FILE)}"


def sizes(results: Path) -> str:
    """Make the table of gigabytes, shards and files of three plans."""
    rows = []
    for cost in read(results, _FILE)["costs"]:
        if cost["method"] == "genie-ada, full":
            images = (cost["image_gigabytes"][kind] for kind in ("png 512", "jpeg 512", "jpeg 224"))
            gigabytes = [_hours(size) for size in (*images, cost["embedding_gigabytes"])]
            rows.append([cost["data"], *gigabytes, f"{cost['shards']:,}", f"{cost['files']:,}"])
    head = ["GB", "PNG, 512 px", "JPEG, 512 px", "JPEG, 224 px", "embeddings (Ada)"]
    return as_markdown([*head, "shards", "files"], rows)


def workers(results: Path) -> str:
    """Make the table of efficiency against the number of workers."""
    found = read(results, _FILE)["workers"]
    rows = []
    for data, executor in _EFFICIENCIES:
        job = {"data": data, "executor": executor}
        cells = (only(found, job | {"workers": count})["efficiency"] for count in _WORKERS)
        rows.append([f"{data}, {_EXECUTORS[executor]}", *(f"{cell:.3f}" for cell in cells)])
    return as_markdown(["efficiency of … workers", *(f"{count:,}" for count in _WORKERS)], rows)


def deaths(results: Path) -> str:
    """Make the table of efficiency against pairs per shard where workers die."""
    found = read(results, _FILE)["sizes"]
    rows = []
    for pairs in dict.fromkeys(row["pairs_per_shard"] for row in found):
        of_size = [row for row in found if row["pairs_per_shard"] == pairs]
        cells = (
            only(of_size, {"executor": executor, "workers": count}) for executor, count in _DYING
        )
        refused = " (refused)" if of_size[0]["shards"] > _MOST_SHARDS else ""
        rows.append(
            [
                f"{pairs:,}{', the default' if of_size[0]['default'] else ''}",
                f"{of_size[0]['shards']:,}{refused}",
                *("never ends" if c["hours"] is None else f"{c['efficiency']:.3f}" for c in cells),
            ]
        )
    head = [f"{_EXECUTORS[executor]}, {count}" for executor, count in _DYING]
    return as_markdown(["pairs per shard", "shards", *head], rows)


def folders(results: Path) -> str:
    """Make the table of what the folders of many shards take to list and read."""
    rows = [
        [
            f"{row['shards']:,}",
            *(f"{row[key]:.2f}" for key in ("listing_seconds", "statistics_seconds")),
            *(f"{row[key]:.2f}" for key in ("manifest_write_seconds", "manifest_read_seconds")),
            *(f"{row[key] / 1e6:.1f}" for key in ("manifest_bytes", "state_bytes")),
        ]
        for row in read(results, _FILE)["statistics"]
    ]
    head = ["shards", "listed, s", "statistics read, s", "manifest written, s", "read, s"]
    return as_markdown([*head, "manifest, MB", "`state.json`, MB"], rows)


def _hours(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


SCALE_TABLES: Mapping[str, Callable[[Path], str]] = {
    "scale-costs": costs,
    "scale-sizes": sizes,
    "scale-workers": workers,
    "scale-deaths": deaths,
    "scale-folders": folders,
}
"""By the names that blocks have."""
