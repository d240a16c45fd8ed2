"""Tables and plots of the analyses, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.few_shot import cell
from genie_transforms.format import atomic_path

TABLES = {
    "noise_ratio": "Effect of the noise ratio (paper, table 5)",
    "selector": "Which backbone chooses r* (paper, table A2)",
    "preview": "r* from a preview of few solver steps",
    "equal_compute": "Equal compute (paper, table A7)",
    "number": "Number of images added to each class",
    "cost": "Cost of an image (paper, table A4)",
}


PAPER: dict[str, dict[str, tuple[float, float]]] = {
    "noise_ratio": {
        "r = 0.5": (63.7, 77.6),
        "r = 0.6": (72.1, 82.8),
        "r = 0.7": (77.1, 85.0),
        "r = 0.8": (77.3, 87.2),
        "r = 0.9": (77.7, 87.0),
        "txt2img": (76.4, 86.5),
        "genie-ada": (78.6, 87.9),
    },
    "selector": {"genie": (77.3, 87.2), "demo": (78.6, 87.9), "supervised": (79.2, 88.3)},
    "equal_compute": {"ada over 0.6, 0.7, 0.8": (79.1, 88.4), "txt2img x 2": (77.2, 86.8)},
}
"""Accuracy in % with 1 and 5 shots, ResNet-50; its selectors are UniSiam and a supervised DeiT."""


PAPER_ORACLE = {
    "r = 0.5": 73.4,
    "r = 0.6": 85.8,
    "r = 0.7": 94.5,
    "r = 0.8": 98.2,
    "r = 0.9": 99.3,
    "genie-ada": 98.9,
}
"""The oracle's accuracy in % (table 5)."""


PAPER_SECONDS = {
    "txt2img": 4.12,
    "r = 0.5": 2.17,
    "r = 0.6": 2.59,
    "r = 0.7": 2.98,
    "r = 0.8": 3.46,
    "ada over 0.6, 0.7, 0.8": 9.22,
}
"""Seconds an image on a V100 (table A4)."""


_COLOURS = {1: "#d95f02", 5: "#4c6a85"}


def as_table(name: str, entries: Sequence[dict[str, Any]]) -> str:
    """Lay out one analysis in Markdown, a row for each arm and number of shots."""
    if name == "cost":
        return _cost_table(entries)
    lines = [
        f"{TABLES[name]}:\n",
        "| shots | arm | a class | accuracy, % | difference, paired | r | oracle, % "
        "| rows an image | paper |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        low, high = entry["difference_interval"]
        reference = entry["arm"] == entry["baseline"]
        difference = f"{cell(entry['difference'], '+.1f')} ({cell(low, '+.1f')} … "
        cells = [
            str(entry["k_shot"]),
            entry["arm"] + (f" ({len(entry['failed'])} failed)" if entry["failed"] else ""),
            cell(entry.get("per_class"), "g"),
            f"{cell(entry['accuracy'])} ± {cell(entry['interval'])}",
            "0" if reference else f"{difference}{cell(high, '+.1f')})",
            cell(entry.get("noise_ratio"), ".2f"),
            cell(entry.get("oracle_accuracy")),
            cell(entry.get("network_rows"), ".0f"),
            _paper(name, entry),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _paper(name: str, entry: dict[str, Any]) -> str:
    known = PAPER.get(name, {}).get(entry["arm"])
    if known is None or entry["k_shot"] not in (1, 5):
        return "–"
    oracle = PAPER_ORACLE.get(entry["arm"]) if name == "noise_ratio" else None
    accuracy = f"{known[entry['k_shot'] == 5]:.1f}"
    return accuracy if oracle is None else f"{accuracy}, oracle {oracle:.1f}"


def _cost_table(entries: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{TABLES['cost']}:\n",
        "| arm | rows an image | to Txt2Img | counted in its own bank | paper, s | to Txt2Img |",
        "|---|---|---|---|---|---|",
    ]
    for entry in entries:
        seconds = PAPER_SECONDS.get(entry["arm"])
        ratio = None if seconds is None else seconds / PAPER_SECONDS["txt2img"]
        cells = [
            entry["arm"],
            f"{entry['network_rows']:.0f}",
            f"{entry['to_txt2img']:.2f}",
            cell(entry["counted_in_its_own_bank"], ".0f"),
            cell(seconds, ".2f"),
            cell(ratio, ".2f"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw the analyses, one panel each; bars are 95 % intervals over episodes."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    _against_ratio(panels[0], found["noise_ratio"])
    _selectors(panels[1], found["selector"])
    if found["equal_compute"]:
        _compute(panels[2], found["equal_compute"])
        _numbers(panels[3], found["number"])
    for axes in panels:
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _by_shots(entries: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Group entries that were scored by their number of shots."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        if entry["accuracy"] is not None:
            groups.setdefault(entry["k_shot"], []).append(entry)
    return groups


def _line(
    axes: Axes, xs: Sequence[float], entries: Sequence[dict[str, Any]], form: str, label: str
) -> None:
    accuracies = [entry["accuracy"] for entry in entries]
    colour = _COLOURS.get(entries[0]["k_shot"], "0.3")
    bars = [entry["interval"] for entry in entries]
    axes.errorbar(xs, accuracies, yerr=bars, fmt=form, color=colour, capsize=2, label=label)


def _against_ratio(axes: Axes, entries: Sequence[dict[str, Any]]) -> None:
    for k_shot, group in _by_shots(entries).items():
        swept = [entry for entry in group if entry["arm"] != "genie-ada"]
        _line(axes, [entry["noise_ratio"] for entry in swept], swept, "o-", f"{k_shot}-shot")
        chosen = [entry for entry in group if entry["arm"] == "genie-ada"]
        _line(axes, [chosen[0]["noise_ratio"]], chosen, "*", f"{k_shot}-shot, Ada")
        if k_shot == max(_by_shots(entries)):
            oracle = [entry["oracle_accuracy"] for entry in swept]
            axes.plot([entry["noise_ratio"] for entry in swept], oracle, "--", color="0.6",
                      label="oracle on the images")  # fmt: skip
    axes.set(xlabel="noise ratio r (1 is Txt2Img)", ylabel="accuracy, %")


def _selectors(axes: Axes, entries: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(entry["arm"] for entry in entries))
    for group in _by_shots(entries).values():
        for entry in group:
            axes.errorbar(
                entry["accuracy"], names.index(entry["arm"]), xerr=entry["interval"], fmt="o",
                color=_COLOURS.get(entry["k_shot"], "0.3"), capsize=2,
            )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="accuracy, %", title="what chooses r*")


def _doubling(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())


def _compute(axes: Axes, entries: Sequence[dict[str, Any]]) -> None:
    for k_shot, group in _by_shots(entries).items():
        rows = [entry["per_class"] * entry["network_rows"] for entry in group]
        plain = [place for place, entry in enumerate(group) if entry["arm"].startswith("txt2img")]
        others = [place for place in range(len(group)) if place not in plain]
        _line(axes, [rows[p] for p in plain], [group[p] for p in plain], "o-",
              f"{k_shot}-shot, Txt2Img")  # fmt: skip
        for place in others:
            _line(axes, [rows[place]], [group[place]], "*", "_")
            axes.annotate(group[place]["arm"], (rows[place], group[place]["accuracy"]), fontsize=6,
                          xytext=(-3, -9), textcoords="offset points", ha="right")  # fmt: skip
    axes.set(xlabel="rows of the denoiser for each class", ylabel="accuracy, %")
    _doubling(axes)


def _numbers(axes: Axes, entries: Sequence[dict[str, Any]]) -> None:
    for k_shot, group in _by_shots(entries).items():
        for method, form in (("genie", "o-"), ("txt2img", "s:")):
            own = [entry for entry in group if entry["arm"].startswith(method)]
            if own:
                xs = [entry["per_class"] for entry in own]
                _line(axes, xs, own, form, f"{k_shot}-shot, {method}")
    axes.set(xlabel="images added to each class", ylabel="accuracy, %")
    _doubling(axes)
