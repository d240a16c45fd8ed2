"""Tables of the few-shot evaluation, and the README's, which the long tail shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .markdown import accuracy, as_markdown, difference, made_by, number, read

_FILES = {"demo": "few_shot.json", "Fashion-MNIST": "fashion-mnist/few_shot.json"}

ARM_TITLES = {
    "weak": "weak augmentation",
    "strong": "strong augmentation",
    "mixed": "weak and strong",
    "mixup": "MixUp",
    "cutmix": "CutMix",
    "mixed+mixup": "weak and strong, MixUp",
    "mixed+cutmix": "weak and strong, CutMix",
    "img2img-low": "Img2Img, r = .3",
    "img2img-high": "Img2Img, r = .7",
    "cap2aug": "Cap2Aug",
    "dafusion": "DAFusion, 40 episodes",
    "txt2img": "Txt2Img",
    "txt2img-x2": "Txt2Img, twice as many",
    "genie+txtinv": "GeNIe + textual inversion, 40 episodes",
    "genie-0.6": "GeNIe, r = .6",
    "genie": "GeNIe, r = .8",
    "genie-0.9": "GeNIe, r = .9",
    "genie-random": "GeNIe, random r of .5 … .9",
    "genie-ada": "GeNIe-Ada",
    "genie-ada-settles": "GeNIe-Ada, `--rule settles`",
    "genie-ada-passes": "GeNIe-Ada, `--rule passes`",
    "real-g": "real images of the generator's training set",
}
"""What tables call the arms, in the order of their rows."""

_CONTROLS = {
    "paper's protocol": "fashion-mnist/few_shot_half.json",
    "authors' code": "fashion-mnist/few_shot_authors.json",
}

_AUTHORS_ARMS = {"genie+mixup": "GeNIe and MixUp of the real images"}
"""What the authors' protocol alone has."""

_LONG_TAIL = {
    "nothing": "none",
    "weak": "resampled",
    "mixup": "mixup",
    "cutmix": "cutmix",
    "txt2img": "txt2img",
    "genie": "genie",
    "genie-ada": "genie-ada",
    "real-g": "real-g",
}
"""Arms of the README's table: names in the few-shot results, and in those of the long tail."""

_TITLES = {
    "nothing": "nothing added",
    "weak": "weak augmentation; re-sampled",
    "real-g": "real images",
}
"""What the rows of both are called, where the few-shot table has no such name."""

_GROUPS = {"few": "Few", "medium": "Medium", "many": "Many"}


def main_results(results: Path) -> str:
    """Make the README's table: few-shot, mean and interval; long tail, mean over seeds."""
    long_tail = read(results, "long_tail.json")
    columns = _columns(results)
    rows = []
    for arm, name in _LONG_TAIL.items():
        title = _TITLES.get(arm)
        cells = [accuracy(entries.get((arm, k))) for _, k, entries in columns]
        rows.append([title or ARM_TITLES[arm], *cells, *_long_tail(long_tail, name)])
    head = ["", *(title for title, *_ in columns), *(f"long tail, {g}" for g in _GROUPS.values())]
    return as_markdown(head, rows)


def _long_tail(content: dict[str, Any], arm: str) -> list[str]:
    seeds = {entry["seed"] for entry in content["arms"] if entry["arm"] == arm}
    if seeds != set(content["settings"]["seeds"]):  # means over other seeds are not comparable
        return ["–"] * len(_GROUPS)
    return [f"{100 * content['means'][arm][key]:.1f}" for key in _GROUPS]


def few_shot(results: Path) -> str:
    """Make the table of all arms with their paired differences to Txt2Img."""
    contents = [read(results, name) for name in _FILES.values()]
    sources = " ".join(made_by(c, f) for c, f in zip(contents, _FILES.values(), strict=True))
    return f"{_few_shot(results, tuple(ARM_TITLES), _against_txt2img)}\n\n{sources}"


def controls(results: Path) -> str:
    """Make the table of both protocols with a generator of the other half of the training images.

    The second interval is over the images of the pool.
    """
    contents = [read(results, name) for name in _CONTROLS.values()]
    columns = [
        (f"{title}, {k}-shot", k, {(e["arm"], e["k_shot"]): e for e in content["arms"]})
        for title, content in zip(_CONTROLS, contents, strict=True)
        for k in (1, 5)
    ]
    titles = {**ARM_TITLES, **_AUTHORS_ARMS}
    there = {arm for _, _, entries in columns for arm, _ in entries}
    rows = [
        [title, *(_over_images(entries.get((arm, k))) for _, k, entries in columns)]
        for arm, title in titles.items()
        if arm in there
    ]
    table = as_markdown(["", *(title for title, *_ in columns)], rows)
    files = zip(contents, _CONTROLS.values(), strict=True)
    return f"{table}\n\n{' '.join(made_by(content, file) for content, file in files)}"


def _over_images(entry: dict[str, Any] | None) -> str:
    if entry is None or entry["arm"] == "txt2img":
        return _against_txt2img(entry)
    half, (low, high) = entry["difference_interval_images"], entry["difference_interval"]
    # As wide as that over episodes says that chance explains how images differ: not known. Results
    # from before `over_images` said so itself have such.
    known = half is not None and half > 1.05 * (high - low) / 2
    return f"{_against_txt2img(entry)}{f' ± {number(half)}' if known else ''}"


def _few_shot(
    results: Path, arms: Sequence[str], cell: Callable[[dict[str, Any] | None], str]
) -> str:
    columns = _columns(results)
    rows = [
        [ARM_TITLES[arm], *(cell(entries.get((arm, k))) for _, k, entries in columns)]
        for arm in arms
    ]
    return as_markdown(["", *(title for title, *_ in columns)], rows)


def _columns(results: Path) -> list[tuple[str, int, dict[tuple[str, int], dict[str, Any]]]]:
    """Return title, number of shots and entries by arm of each data set and number of shots."""
    columns = []
    for title, name in _FILES.items():
        entries = {(e["arm"], e["k_shot"]): e for e in read(results, name)["arms"]}
        columns += [(f"{title}, {k}-shot", k, entries) for k in (1, 5)]
    return columns


def _against_txt2img(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "–"
    if entry["arm"] == "txt2img":
        return number(entry["accuracy"])
    gap = difference(entry["difference"], entry["difference_interval"])
    return f"{number(entry['accuracy'])}, {gap}"


FEW_SHOT_TABLES: Mapping[str, Callable[[Path], str]] = {
    "main": main_results,
    "few-shot": few_shot,
    "few-shot-controls": controls,
}
"""By the names that blocks have."""
