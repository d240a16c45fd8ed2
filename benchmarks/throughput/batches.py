"""One batch, or one image, through each transform: µs per sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import quantiles
from time import perf_counter
from typing import Any

import torch
from torchvision.transforms import v2

from genie_transforms import Bank, GeNIeTransform, source_digest
from genie_transforms.format import pixel_key

from .synthetic import synthetic_image

NUM_CLASSES = 100


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


Arm = tuple[dict[str, Any], Callable[[], Any]]


def measure_batches(bank: Bank, batch_size: int, size: int, rounds: int) -> list[dict[str, Any]]:
    """Time whole batches; return µs per sample of each arm."""
    labels = torch.randint(0, NUM_CLASSES, (batch_size,))
    raw = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    normalised = v2.functional.normalize(v2.functional.to_dtype(raw, scale=True), MEAN, STD)
    cached = bank.decoded(size)
    results = []
    for images in (normalised, raw):  # one dtype at a time: both at once would spoil the caches
        arms = _batch_arms(cached, images, labels)
        for described, run in arms:
            run()  # the first call maps the files and compiles
            described["dtype"] = str(images.dtype).removeprefix("torch.")
        results += interleave(arms, rounds, per=batch_size)
    return results


def _batch_arms(bank: Bank, images: torch.Tensor, labels: torch.Tensor) -> list[Arm]:
    """Return the arms for images of one dtype; MixUp cannot mix integers."""
    floats = images.is_floating_point()
    scale: dict[str, Any] = {"mean": MEAN, "std": STD} if floats else {}
    own = images.clone()  # for arms that write into their input, which the others share
    arms: list[Arm] = [
        ({"arm": "copy", "p": None, "in_place": False}, images.clone),
        ({"arm": "copy", "p": None, "in_place": True}, partial(own.copy_, images)),
    ]
    for p in (0.5, 1.0):
        for in_place in (False, True):
            ours = GeNIeTransform(bank, p=p, in_place=in_place, **scale)
            label = {"arm": "GeNIeTransform", "p": p, "in_place": in_place}
            arms.append((label, partial(ours.forward, own if in_place else images, labels)))
    mixes: dict[str, Any] = {"v2.CutMix": v2.CutMix(num_classes=NUM_CLASSES)}
    if floats:
        mixes["v2.MixUp"] = v2.MixUp(num_classes=NUM_CLASSES)
    mixes.update(_timm_mixes(floats))
    mixes.update(_kornia_mixes() if floats else {})
    for name, mix in mixes.items():
        in_place = name.startswith("timm")
        given = own if in_place else images
        arms.append(({"arm": name, "p": 1.0, "in_place": in_place}, partial(mix, given, labels)))
    return arms


def _timm_mixes(floats: bool) -> dict[str, Any]:
    """Return timm's transforms, if timm is installed."""
    try:
        from timm.data import Mixup
    except ImportError:
        return {}
    mixes = {"timm.CutMix": Mixup(mixup_alpha=0, cutmix_alpha=1.0, num_classes=NUM_CLASSES)}
    if floats:
        mixes["timm.Mixup"] = Mixup(mixup_alpha=1.0, num_classes=NUM_CLASSES)
    return mixes


def _kornia_mixes() -> dict[str, Any]:
    """Return kornia's transforms, if kornia is installed."""
    try:
        from kornia.augmentation import RandomCutMixV2, RandomMixUpV2
    except ImportError:
        return {}
    return {
        "kornia.MixUp": RandomMixUpV2(p=1.0, data_keys=["input", "class"]),
        "kornia.CutMix": RandomCutMixV2(
            p=1.0, data_keys=["input", "class"], use_correct_lambda=True
        ),
    }


def measure_calls(bank: Bank, size: int, rounds: int) -> list[dict[str, Any]]:
    """Time single images; return µs per call, copying included where an image is replaced."""
    image = synthetic_image(0, size)
    tensor = v2.functional.pil_to_tensor(image)
    tiny, tiny_bank = tensor[:, :8, :8], bank.decoded(8)
    kept, replaced = GeNIeTransform(bank, p=0), GeNIeTransform(bank.decoded(size), p=1)
    overhead = GeNIeTransform(tiny_bank, p=1)
    arms: list[Arm] = [
        ({"arm": "kept", "p": 0.0}, lambda: kept((image, 1))),
        ({"arm": "replaced, 8 px tensor (overhead)", "p": 1.0}, lambda: overhead((tiny, 1))),
        ({"arm": "replaced, PIL, cached", "p": 1.0}, lambda: replaced((image, 1))),
        ({"arm": "pixel_key, PIL", "p": None}, lambda: pixel_key(image)),
        ({"arm": "pixel_key, uint8 tensor", "p": None}, lambda: pixel_key(tensor)),
        ({"arm": "source_digest, PIL", "p": None}, lambda: source_digest(image)),
        ({"arm": "source_digest, uint8 tensor", "p": None}, lambda: source_digest(tensor)),
    ]
    repeated: list[Arm] = [(name, partial(_repeat, run, 100)) for name, run in arms]
    return interleave(repeated, rounds, per=100)


def _repeat(run: Callable[[], Any], times: int) -> None:
    """Run a function often enough to be timed."""
    for _ in range(times):
        run()


def interleave(arms: list[Arm], rounds: int, per: int) -> list[dict[str, Any]]:
    """Run all arms in turns; return µs per sample: median, quartiles, fastest."""
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
