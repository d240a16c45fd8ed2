"""What does a hard negative cost in training? `python -m benchmarks.throughput`.

All arms run in one process, in turns, so that a busy machine disturbs all alike; the median of the
rounds counts, its quartiles are given.

- `batch`: one batch of normalised float32 or raw uint8 images through each transform. The floor is
  a plain copy of the batch. timm writes into its input; the others, ours too, make a new batch.
- `call`: one PIL image through the transform, kept (p = 0) and replaced (p = 1), and the look-up
  of an image alone.
- `loader`: from JPEG files to batches, end to end, with 0 and 2 workers.
- `memory`: private memory of each worker over epochs.
- `size`: banks of 1 K to 1 M rows: time to open, time per sample, size of the pickle.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import torch
import tyro
from torchvision.transforms import v2

from genie_transforms import Bank, GeNIeTransform, source_digest
from index.whole import write_json

from .environment import environment
from .loader_arms import measure_loaders, measure_memory, measure_sizes
from .synthetic import picture, write_bank

NUM_CLASSES = 100
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Arm = tuple[dict[str, Any], Callable[[], Any]]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measure the transform against MixUp, CutMix and a plain copy.

    Attributes:
        size: Height and width of the images, in pixels.
        batch_size: Images in a batch.
        rows: Rows of the bank, all in the decoded cache.
        rounds: How often each arm runs.
        quick: Few rounds, small loaders, banks up to 10 K rows: under 3 minutes.
        only: Parts to measure: batch, call, loader, memory, size.
        json: Where to write the figures.
    """

    size: int = 224
    batch_size: int = 128
    rows: int = 1024
    rounds: int = 31
    quick: bool = False
    only: tuple[str, ...] = ("batch", "call", "loader", "memory", "size")
    json: Path | None = None


def main(config: Config) -> None:
    """Run the chosen parts, print and write them."""
    rounds = 5 if config.quick else config.rounds
    rows = min(config.rows, 256) if config.quick else config.rows
    result: dict[str, Any] = {"size": config.size, "batch_size": config.batch_size}
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
        write_json(config.json, {**result, **environment()})


def measure_batches(bank: Bank, batch_size: int, size: int, rounds: int) -> list[dict[str, Any]]:
    """Time whole batches: µs per sample of each arm."""
    labels = torch.randint(0, NUM_CLASSES, (batch_size,))
    raw = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    normalised = v2.functional.normalize(v2.functional.to_dtype(raw, scale=True), MEAN, STD)
    cached = bank.decoded(size)
    results = []
    for images in (normalised, raw):  # one dtype at a time: both at once would spoil the caches
        arms = _batch_arms(cached, images, labels)
        for name, run in arms:
            run()  # the first call maps the files and compiles what is compiled
            name["dtype"] = str(images.dtype).removeprefix("torch.")
        results += _interleave(arms, rounds, per=batch_size)
    return results


def _batch_arms(bank: Bank, images: torch.Tensor, labels: torch.Tensor) -> list[Arm]:
    """List the arms for images of one dtype; MixUp cannot mix integers."""
    floats = images.is_floating_point()
    scale: dict[str, Any] = {"mean": MEAN, "std": STD} if floats else {}
    arms: list[Arm] = [({"arm": "copy", "p": None}, images.clone)]
    for p in (0.5, 1.0):
        ours = GeNIeTransform(bank, p=p, **scale)
        arms.append(({"arm": "GeNIeTransform", "p": p}, partial(ours.forward, images, labels)))
    mixes: dict[str, Any] = {"v2.CutMix": v2.CutMix(num_classes=NUM_CLASSES)}
    if floats:
        mixes["v2.MixUp"] = v2.MixUp(num_classes=NUM_CLASSES)
    mixes.update(_timm_mixes(floats))
    mixes.update(_kornia_mixes() if floats else {})
    # timm writes into its input: give it a copy of its own, made once.
    own = images.clone()
    for name, mix in mixes.items():
        given = own if name.startswith("timm") else images
        arms.append(({"arm": name, "p": 1.0}, partial(mix, given, labels)))
    return arms


def _timm_mixes(floats: bool) -> dict[str, Any]:
    """Give timm's transforms, if timm is installed."""
    try:
        from timm.data import Mixup
    except ImportError:
        return {}
    mixes = {"timm.CutMix": Mixup(mixup_alpha=0, cutmix_alpha=1.0, num_classes=NUM_CLASSES)}
    if floats:
        mixes["timm.Mixup"] = Mixup(mixup_alpha=1.0, num_classes=NUM_CLASSES)
    return mixes


def _kornia_mixes() -> dict[str, Any]:
    """Give kornia's transforms, if kornia is installed."""
    try:
        from kornia.augmentation import RandomCutMixV2, RandomMixUpV2
    except ImportError:
        return {}
    return {
        "kornia.MixUp": RandomMixUpV2(p=1.0, data_keys=["input", "class"]),
        "kornia.CutMix": RandomCutMixV2(p=1.0, data_keys=["input", "class"]),
    }


def measure_calls(bank: Bank, size: int, rounds: int) -> list[dict[str, Any]]:
    """Time single images: µs per call, copying included where something is replaced."""
    image = picture(0, size)
    tensor = v2.functional.pil_to_tensor(image)
    tiny, tiny_bank = tensor[:, :8, :8], bank.decoded(8)
    kept, replaced = GeNIeTransform(bank, p=0), GeNIeTransform(bank.decoded(size), p=1)
    overhead = GeNIeTransform(tiny_bank, p=1)
    arms: list[Arm] = [
        ({"arm": "kept", "p": 0.0}, lambda: kept((image, 1))),
        ({"arm": "replaced, 8 px tensor (overhead)", "p": 1.0}, lambda: overhead((tiny, 1))),
        ({"arm": "replaced, PIL, cached", "p": 1.0}, lambda: replaced((image, 1))),
        ({"arm": "source_digest, PIL", "p": None}, lambda: source_digest(image)),
        ({"arm": "source_digest, uint8 tensor", "p": None}, lambda: source_digest(tensor)),
    ]
    repeated: list[Arm] = [(name, partial(_repeat, run, 100)) for name, run in arms]
    return _interleave(repeated, rounds, per=100)


def _repeat(run: Callable[[], Any], times: int) -> None:
    """Call something often enough to be timed."""
    for _ in range(times):
        run()


def _interleave(arms: list[Arm], rounds: int, per: int) -> list[dict[str, Any]]:
    """Run all arms in turns; give µs per sample: median, quartiles, fastest."""
    times: list[list[float]] = [[] for _ in arms]
    for _ in range(rounds):
        for place, (_, run) in enumerate(arms):
            start = perf_counter()
            run()
            times[place].append((perf_counter() - start) / per * 1e6)
    results = []
    for (name, _), taken in zip(arms, times, strict=True):
        low, median, high = quantiles(taken, n=4)
        spread = {"quartiles": [low, high], "fastest": min(taken), "rounds": rounds}
        results.append({**name, "us_per_sample": median, **spread})
    return results


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


if __name__ == "__main__":
    main(tyro.cli(Config, description=__doc__))
