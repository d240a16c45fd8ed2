"""Tables of what negatives are like, and of how many and which are worth their price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from .markdown import accuracy, as_markdown, difference, made_by, number, only, read


def noise_ratio(results: Path) -> str:
    """Make the table of what the demo's images show at each noise ratio."""
    content = read(results, "demo.json")
    shares = {"oracle says target, %": "oracle_accuracy"}
    shares["oracle still says source, %"] = "oracle_says_source"
    rows = [
        [title, *(f"{100 * value:.0f}" for value in content[key])] for title, key in shares.items()
    ]
    psnr = [number(value) for value in content["background_psnr_db"]]
    table = as_markdown(
        ["r", *(f"{ratio:g}" for ratio in content["noise_ratios"])],
        [*rows, ["background PSNR, dB", *psnr]],
    )
    return f"{table}\n\n{content['pairs']} pairs. {made_by(content, 'demo.json')}"


def by_number(results: Path) -> str:
    """Make the table of few-shot accuracy against the number of images a class."""
    entries = read(results, "analyses.json")["number"]
    counts = sorted({entry["per_class"] for entry in entries})
    rows = []
    for arm, title in (("txt2img", "Txt2Img"), ("genie", "GeNIe, r = .8")):
        for k_shot in (1, 5):
            found = {
                e["per_class"]: e for e in entries if e["arm"] == arm and e["k_shot"] == k_shot
            }
            cells = [accuracy(found.get(count)) for count in counts]
            rows.append([f"{title}, {k_shot}-shot", *cells])
    table = as_markdown(["images a class", *(f"{count:g}" for count in counts)], rows)
    return f"{table}\n\n{made_by(read(results, 'analyses.json'), 'analyses.json')}"


def equal_compute(results: Path) -> str:
    """Make the table of GeNIe-Ada against as many Txt2Img images as its compute buys."""
    entries = read(results, "analyses.json")["equal_compute"]
    arms = list(dict.fromkeys(entry["arm"] for entry in entries))
    found = {(entry["arm"], entry["k_shot"]): entry for entry in entries}
    rows = [
        [arm, f"{found[arm, 1]['network_rows']:.0f}", *(accuracy(found[arm, k]) for k in (1, 5))]
        for arm in arms
    ]
    table = as_markdown(["", "network rows an image", "1-shot", "5-shot"], rows)
    return f"{table}\n\n{made_by(read(results, 'analyses.json'), 'analyses.json')}"


def hardness(results: Path) -> str:
    """Make the table of how often a judge takes right negatives for their source's class."""
    content = read(results, "hardness.json")
    entries = {(entry["plan"], entry["noise_ratio"]): entry for entry in content["results"]}
    columns = list(dict.fromkeys(column for _, column in entries))
    titles = {"ada": "GeNIe-Ada", "txt2img": "Txt2Img", "real": "real images"}
    rows = [
        [f"`{plan}:{content['k']}`"]
        + [number(entries[plan, column]["to_source"]["mean"], ".0f") for column in columns]
        for plan in dict.fromkeys(plan for plan, _ in entries)
    ]
    head = ["plan", *(titles.get(column) or f"r = {column:g}" for column in columns)]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, 'hardness.json')}"


def schedules(results: Path) -> str:
    """Make the table of accuracy against r for Fashion-MNIST's two noise schedules."""
    files = {"shift 2, the demo's": "few_shot.json", "shift 3.4": "few_shot_late.json"}
    rows, ratios = [], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    for title, name in files.items():
        entries = read(results, f"fashion-mnist/{name}")["arms"]
        arms = [*("genie" if r == 0.8 else f"genie-{r:g}" for r in ratios), "txt2img"]
        cells = {k: [only(entries, {"arm": arm, "k_shot": k}) for arm in arms] for k in (1, 5)}
        says = [f"{cell['oracle_accuracy']:.0f}" for cell in cells[1]]
        rows.append([f"oracle says target, %, {title}", *says])
        for k_shot, of_shots in cells.items():
            accuracies = [number(cell["accuracy"]) for cell in of_shots]
            rows.append([f"{k_shot}-shot accuracy, %, {title}", *accuracies])
    return as_markdown(["r", *(f"{ratio:g}" for ratio in [*ratios, 1])], rows)


def filters(file: str, results: Path) -> str:
    """Make the table of what the default filter's main clause does to two banks."""
    content = read(results, file)
    titles = {"genie-ada": "GeNIe-Ada"}
    titles["genie-0.3"] = "r = .3, where few images have left their source"
    rows = []
    for name, title in titles.items():
        bank = content["banks"][name]
        clause = only(bank["filters"], {"keep": "on_target"})
        shares = (bank["right_percent"], clause["dropped_percent"], clause["right_dropped_percent"])
        gaps = [
            difference(scores["to_all"], scores["to_all_interval"])
            for scores in (clause["accuracy"][shots] for shots in ("1-shot", "5-shot"))
        ]
        rows.append([title, *map(number, shares), *gaps])
    head = ["bank", "right, %", "drops, %", "of these right, %", "1-shot", "5-shot"]
    return f"{as_markdown(head, rows)}\n\n{made_by(content, file)}"


RESULT_TABLES: Mapping[str, Callable[[Path], str]] = {
    "noise-ratio": noise_ratio,
    "number": by_number,
    "equal-compute": equal_compute,
    "hardness": hardness,
    "schedules": schedules,
    "filters": partial(filters, "filters.json"),
    "filters-fashion-mnist": partial(filters, "fashion-mnist/filters.json"),
}
"""By the names that blocks have."""
