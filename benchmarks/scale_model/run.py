"""Simulate, write folders, print and write."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import environment
from genie_transforms.format import write_json

from . import folders, prices, scenarios
from .config import ModelConfig
from .plans import ENCODING, SPREAD, WRITING, Durations, imagenet, imagenet_lt
from .plot import plot

Row = dict[str, Any]

METHOD = "genie-ada, preview"
"""Of what is simulated, on the first of the published GPUs."""


DYING = (16, 64, 250)
"""Workers of the builds in which some die."""


def main(config: ModelConfig) -> Row:
    """Simulate, print and write."""
    content = {**_simulated(config), **_written(config)}
    _print(content)
    if config.json:
        write_json(config.json, {**content, **environment()})
    if config.plot:
        plot(content, config.plot)
    return content


def _simulated(config: ModelConfig) -> Row:
    workers = (1, 8) if config.quick else config.workers
    dying = (8,) if config.quick else DYING
    sizes = (50,) if config.quick else config.sizes
    methods, images = prices.rows_of_methods(), prices.bytes_of_images()
    per_row = prices.PUBLISHED[0]["seconds"] / prices.ROWS_OF_AN_IMAGE
    durations = Durations(methods[METHOD]["network_rows"] * per_row, config.seed)
    whole = imagenet(config.quick)
    jobs = [
        scenarios.Job.of("ImageNet-LT, Few", imagenet_lt(config.quick)),
        scenarios.Job.of("ImageNet-1K", whole),
        scenarios.Job.of_many(),
    ]
    some = jobs[:2] if config.quick else jobs
    return {
        "published": prices.PUBLISHED,
        "methods": methods,
        "image_bytes": images,
        "assumed": {
            "method": METHOD,
            "seconds_per_pair": round(durations.pair, 4),
            "seconds_per_source": ENCODING,
            "seconds_per_shard": WRITING,
            "opening_seconds": scenarios.OPENING,
            "spread": SPREAD,
            "stragglers": durations.stragglers,
            "hours_between_deaths": config.hours,
            "seed": config.seed,
        },
        "costs": list(scenarios.costs(jobs, methods, images)),
        "workers": [r for job in some for r in scenarios.more_workers(job, durations, workers)],
        "one_death": [
            r for job in some for r in scenarios.one_death(job, durations, dying[len(dying) // 2])
        ],
        "sizes": list(scenarios.shard_sizes(whole, durations, dying, sizes, config.hours)),
    }


def _written(config: ModelConfig) -> Row:
    """Measure folders: all that is not simulated."""
    shards, opened = ((200,), (50,)) if config.quick else (config.shards, config.opened)
    return {
        "statistics": [folders.statistics(count) for count in shards],
        "opening": [folders.opening(count) for count in opened],
    }


def _print(content: Row) -> None:
    for part in ("costs", "workers", "one_death", "sizes", "statistics", "opening"):
        print(f"\n{part}")
        for row in content[part]:
            print("  " + "  ".join(f"{name} {_text(value)}" for name, value in row.items()))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
