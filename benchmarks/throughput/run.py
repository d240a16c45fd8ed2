"""What does a hard negative cost in training? `python -m benchmarks.throughput`.

All arms run in one process, in turns, so that a busy machine disturbs all alike; the median of the
rounds counts, and the quartiles are reported.

- `batch`: one batch of normalised float32 or raw uint8 images through each transform. The floor is
  a plain copy of the batch, into new memory and (`in_place`) into memory that exists already. timm
  writes into its input, and so do we with `in_place=True`; all others make a new batch. The decoded
  cache is warm: in the page cache, though a process still has to map a row's pages on first use.
- `call`: one PIL image through the transform, kept (p = 0) and replaced (p = 1), the key by
  which an image without a label is looked up, and the digest that it is called by.
- `loader`: from JPEG files to batches, end to end, with 0 and 2 workers.
- `memory`: private memory of each worker, over epochs.
- `size`: banks of 1 K to 1 M rows: time to open, time per sample, size of the pickle.

Parts can be measured one by one into the same JSON file: those that it already has are kept, and
`runs` records the command and the environment of each.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import environment
from genie_transforms import Bank, UserError
from genie_transforms.format import write_json

from .batches import NUM_CLASSES, measure_batches, measure_calls
from .config import Config
from .loaders import measure_loaders, measure_memory, measure_sizes
from .plot import plot
from .synthetic import write_bank


def main(config: Config) -> None:
    """Run the chosen parts, print and write them."""
    rounds = 5 if config.quick else config.rounds
    rows = min(config.rows, 256) if config.quick else config.rows
    result = _read_earlier(config)
    result |= {"image_size": config.size, "batch_size": config.batch_size}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        bank = Bank.open(write_bank(work / "bank", rows, NUM_CLASSES, config.size))
        parts: dict[str, Callable[[], Any]] = {
            "batch": lambda: measure_batches(bank, config.batch_size, config.size, rounds),
            "call": lambda: measure_calls(bank, config.size, rounds),
            "loader": lambda: measure_loaders(work, config.size, quick=config.quick),
            "memory": lambda: measure_memory(work, quick=config.quick),
            "size": lambda: measure_sizes(work, quick=config.quick),
        }
        for name in config.only:
            result[name] = parts[name]()
            _print(name, result[name])
    if config.json is not None:
        described = environment()
        runs = {**result.get("runs", {}), **dict.fromkeys(config.only, described)}
        write_json(config.json, {**result, **described, "runs": runs})
    if config.plot is not None:
        plot(result, config.plot)


def _read_earlier(config: Config) -> dict[str, Any]:
    """Read the parts that the JSON file has from earlier runs.

    Raises:
        UserError: They are of images or batches of another size.
    """
    if config.json is None or not config.json.exists():
        return {}
    earlier: dict[str, Any] = json.loads(config.json.read_text())
    for key, mine in (("image_size", config.size), ("batch_size", config.batch_size)):
        if earlier.get(key, mine) != mine:
            raise UserError(
                f"{config.json} has {key} {earlier[key]}, this run {mine}: write to another file"
            )
    return earlier


def _print(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a part as a table."""
    print(f"\n{name}")
    for row in rows:
        cells = (
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in row.items()
            if key not in ("quartiles", "rounds")
        )
        print("  " + "  ".join(cells))
