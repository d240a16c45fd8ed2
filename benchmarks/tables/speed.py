"""Tables of what training and building cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .markdown import as_markdown, made_by, number, read, three_digits

_BATCH = {
    "plain copy of the batch": ("copy", False, None),
    "`GeNIeTransform`, p = 0.5": ("GeNIeTransform", False, 0.5),
    "`GeNIeTransform`, p = 0.5, in place": ("GeNIeTransform", True, 0.5),
    "torchvision `MixUp`": ("v2.MixUp", False, 1.0),
    "torchvision `CutMix`": ("v2.CutMix", False, 1.0),
    "timm mixup, in place": ("timm.Mixup", True, 1.0),
    "timm cutmix, in place": ("timm.CutMix", True, 1.0),
    "kornia mixup": ("kornia.MixUp", False, 1.0),
    "kornia cutmix": ("kornia.CutMix", False, 1.0),
}


def batch(results: Path) -> str:
    """Make the table of microseconds per sample on whole batches."""
    content = read(results, "throughput.json")
    found = {
        (e["arm"], e["in_place"], e["p"], e["dtype"]): e["us_per_sample"] for e in content["batch"]
    }
    rows = []
    for title, arm in _BATCH.items():
        cells = [found.get((*arm, dtype)) for dtype in ("float32", "uint8")]
        rows.append([title, *("–" if us is None else three_digits(us) for us in cells)])
    size = f"µs a sample, {content['batch_size']} images of {content['image_size']} px"
    table = as_markdown([size, "float32, normalised", "uint8"], rows)
    return f"{table}\n\n{made_by(content, 'throughput.json')}"


def loader(results: Path) -> str:
    """Make the table of whole loaders against one without augmentation."""
    content = read(results, "throughput.json")
    workers = sorted({entry["num_workers"] for entry in content["loader"]})
    found = {(e["arm"], e["num_workers"]): e["relative"] for e in content["loader"]}
    arms = list(dict.fromkeys(arm for arm, _ in found))
    rows = [[arm, *(number(found.get((arm, n)), ".2f") for n in workers)] for arm in arms]
    head = ["images/s from JPEG files, no augmentation = 1", *(f"{n} workers" for n in workers)]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, 'throughput.json')}"


def speed_main(results: Path) -> str:
    """Make the README's table of speed: five rows."""
    throughput, build = read(results, "throughput.json"), read(results, "build_speed.json")
    us = {(e["arm"], e["in_place"], e["p"]): e["us_per_sample"] for e in throughput["batch"]
          if e["dtype"] == "float32"}  # fmt: skip
    relative = {e["arm"]: e["relative"] for e in throughput["loader"] if e["num_workers"] == 2}
    ours, mixup = us["GeNIeTransform", False, 0.5], us["v2.MixUp", False, 1.0]
    rows = [
        ["a batch, against torchvision's `MixUp`", f"{mixup / ours:.1f} × faster"],
        ["a loader with it in the collate, no augmentation = 1",
         number(relative["GeNIeTransform, collate, cache"], ".2f")],
        ["the same on images alone",
         number(relative["GeNIeTransform, image alone, cache"], ".2f")],
        ["the same with `MixUp` in the collate", number(relative["v2.MixUp"], ".2f")],
        _build_row(build),
    ]  # fmt: skip
    return as_markdown(["", ""], rows)


def _build_row(build: dict[str, Any]) -> list[str]:
    """Return one row of all comparisons, in each of which both paths are alike."""
    names = [row["row"].replace("low", row["dtype"]).replace(",", "") for row in build["rows"]]
    factors = [f"{row['speedup']:.1f}" for row in build["rows"]]
    what = f"building, {' / '.join(names)}, against the same one by one"
    return [what, f"{' / '.join(factors)} × faster"]


def ada_modes(results: Path) -> str:
    """Make the table of the cheaper forms of Ada."""
    content = read(results, "ada_modes.json")
    rows = []
    for mode in content["modes"]:
        steps = f", {mode['ada_steps']} steps" if mode["ada_steps"] else ""
        gap = f"{100 * mode['difference']:+.1f} ± {100 * mode['difference_interval']:.1f}"
        rows.append(
            [
                f"{mode['mode']}{steps}",
                number(mode["cost_per_pair"], ".2f"),
                number(mode["cost_txt2img"], ".2f"),
                f"{100 * mode['same_noise_ratio']:.0f}",
                f"{100 * mode['oracle_accuracy']:.0f}",
                "" if mode["mode"] == "full" else gap,
            ]
        )
    head = ["", "rows a pair, Txt2Img = 1", "the same for each accepted one", "same r*, %"]
    table = as_markdown([*head, "oracle, %", "to full, paired"], rows)
    return f"{table}\n\n{content['pairs']} pairs. {made_by(content, 'ada_modes.json')}"


def index_scale(results: Path) -> str:
    """Make the table of FAISS indexes by size, distribution of the vectors, and kind."""
    content = read(results, "index_scale.json")
    exact = {(arm["distribution"], arm["size"]): arm["queries_per_second"]
             for arm in content["arms"] if arm["factory"] == "Flat"}  # fmt: skip
    rows = [[f"{arm['size']:,} {arm['distribution']}", _stored(arm),
             f"{100 * arm['recall_at_10']:.1f}", f"{arm['queries_per_second']:,.0f}",
             f"{arm['queries_per_second'] / exact[arm['distribution'], arm['size']]:.1f}",
             f"{arm['bytes'] / 1e6:,.0f}"] for arm in content["arms"]]  # fmt: skip
    head = ["vectors", "stored as", "recall@10, %", "queries/s", "exact = 1", "MB"]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, 'index_scale.json')}"


def _stored(arm: dict[str, Any]) -> str:
    return ", ".join(part for part in (arm["factory"], arm["parameters"]) if part)


def builds(results: Path) -> str:
    """Make the table of building against one image at a time, like compared with like."""
    content = read(results, "build_speed.json")
    rows = [[row["row"].replace("low", row["dtype"]), f"{row['baseline_pairs_per_second']:.2f}",
             f"{row['pairs_per_second']:.2f}", f"{row['speedup']:.1f} ×",
             f"{row['max_abs_difference']:.1e}"] for row in content["rows"]]  # fmt: skip
    head = ["both paths", "pairs/s, one by one", "pairs/s, shared calls", "faster"]
    table = as_markdown([*head, "largest difference of a pixel, of 1"], rows)
    return f"{table}\n\n{content['pairs']} pairs. {made_by(content, 'build_speed.json')}"


def plans(results: Path) -> str:
    """Make the table of planning many pairs."""
    content = read(results, "index_scale.json")
    rows = [[f"`--pairs {plan['strategy']}`", f"{plan['planned']:,}", f"{plan['plan_seconds']:.1f}",
             f"{plan['keys_seconds']:.1f}", f"{plan['peak_mib']:,.0f}"]
            for plan in content["plans"]]  # fmt: skip
    first = content["plans"][0]
    images = f"{first['images']:,} images, {first['classes']:,} classes"
    return as_markdown([images, "pairs", "planned in, s", "named in, s", "MiB at most"], rows)


def executors(results: Path) -> str:
    """Make the table of what executors cost for each shard."""
    content = read(results, "scale.json")
    found = content["overhead"]["executors"]
    titles = {"workers": "`--workers 2`", "ranks": "two ranks", "ray": "Ray, two actors"}
    rows = [[titles[name], f"{1e3 * entry['overhead_per_task']:+.1f}"]
            for name, entry in found.items() if name in titles]  # fmt: skip
    table = as_markdown(["", "ms a shard, against one process"], rows)
    return f"{table}\n\n{made_by(content, 'scale.json')}"


SPEED_TABLES: Mapping[str, Callable[[Path], str]] = {
    "batch": batch,
    "loader": loader,
    "speed-main": speed_main,
    "ada-modes": ada_modes,
    "index-scale": index_scale,
    "builds": builds,
    "plans": plans,
    "executors": executors,
}
"""By the names that blocks have."""
