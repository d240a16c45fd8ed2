"""What each clause of a filter drops, and what that does: `python -m benchmarks.filters`.

For each bank and clause: how many rows it drops, how many of the kept and of the dropped ones the
oracle calls right, and the accuracy of few-shot heads that learn from an episode's support and the
negatives made from it, with all of them and with those that the clause keeps, on the same episodes.
Beside it stands the control that drops as many of each class at random. Stop it whenever you like:
the same command continues.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.episodes import Drawing, Episode, draw
from benchmarks.few_shot import LearnFrom, run_episodes
from benchmarks.measure import environment, without_nan
from genie_transforms.format import DEFAULT_KEEP, write_json

from .banks import JUDGE, FilteredBank, Integers, Mask, make_bank
from .config import FiltersConfig
from .report import compare, entry_of, table

HEAD = "logistic"

MARKS = "on_target & ~duplicate"
"""The default filter of the first releases."""

CLAUSES = (
    "on_target", "~duplicate", "~near_duplicate", "~blank", f"{JUDGE}_class == label",
)  # fmt: skip

FILTERS = (MARKS, "~duplicate & ~blank", f"{MARKS} & ~blank")


def main(config: FiltersConfig) -> dict[str, Any]:
    """Build the banks, score every filter, print and write."""
    report: dict[str, Any] = {"default": DEFAULT_KEEP, "banks": {}}
    for name in config.banks:
        bank = make_bank(config, name)
        masks = {keep: bank.mask(keep) for keep in (*CLAUSES, *FILTERS)}
        entries = [entry_of(keep, mask, bank.right) for keep, mask in masks.items()]
        for k_shot in config.k_shot:
            for entry, found in zip(
                entries, _score(config, name, bank, k_shot, masks), strict=True
            ):
                entry["accuracy"][f"{k_shot}-shot"] = found
        report["banks"][name] = {
            "rows": len(bank.right),
            "right_percent": round(100 * float(bank.right.mean()), 2),
            "filters": entries,
        }
        print(f"\n{table(name, report['banks'][name], config.k_shot)}\n", flush=True)
    about = asdict(config)
    for folder in ("work", "json", "data"):  # folders of a machine say nothing about the result
        del about[folder]
    report |= {"settings": about, "dataset": config.data.name, "head": HEAD}
    if config.json:
        write_json(config.json, {**without_nan(report), **environment()})
    return report


def _score(
    config: FiltersConfig, name: str, bank: FilteredBank, k_shot: int, masks: dict[str, Mask]
) -> Iterator[dict[str, Any]]:
    """Yield the accuracies of each filter with one number of shots."""
    support, query = np.split(np.arange(len(bank.labels)), [bank.num_support])
    drawing = Drawing(config.episodes, config.n_way, k_shot, config.n_query, config.seed)
    episodes = draw(bank.labels, drawing, support_pool=support, query_pool=query)

    def scored(what: str, mask: Mask, *, random: bool = False) -> list[float | None]:
        return _read_or_run(config, f"{name}, {k_shot}-shot, {what}", bank, episodes, mask, random)

    everything = np.ones(len(bank.right), dtype=np.bool_)
    baselines = {"all": scored("all", everything), "none": scored("none", ~everything)}
    for keep, mask in masks.items():
        if mask.all():  # nothing to tell apart: the same images, and no other accuracy
            own = control = baselines["all"]
        else:
            own = scored(keep, mask)
            control = scored(f"{keep}, at random", mask, random=True)
        compared = {**baselines, "filter": own, "random": control}
        yield compare({k: np.array(values, dtype=np.float64) for k, values in compared.items()})


def _read_or_run(
    config: FiltersConfig,
    what: str,
    bank: FilteredBank,
    episodes: Sequence[Episode],
    mask: Mask,
    random: bool,
) -> list[float | None]:
    """Read the accuracies of one filter on some episodes, or learn and score."""
    described = json.dumps([bank.digest, HEAD, random, [asdict(one) for one in episodes]])
    key = hashlib.sha256(described.encode() + mask.tobytes()).hexdigest()
    path = config.work / "accuracies" / f"{key[:32]}.json"
    if not path.exists():
        learn = at_random(bank, mask) if random else kept(bank, mask)
        found = run_episodes(what, learn, bank, list(episodes), HEAD, config.seed)
        path.parent.mkdir(exist_ok=True)
        write_json(path, {"what": what, **found})
        print(f"{what}: {found['seconds']} s", flush=True)
    accuracies: list[float | None] = json.loads(path.read_text())["accuracies"]
    return accuracies


def kept(bank: FilteredBank, mask: Mask) -> LearnFrom:
    """Learn from the negatives of a mask."""
    return lambda episode, seed: (bank.learn_from(episode, bank.rows_of(episode, mask)), {})


def at_random(bank: FilteredBank, mask: Mask) -> LearnFrom:
    """Learn from as many negatives of each class as a mask keeps, drawn at random from all."""

    def learn(episode: Episode, seed: int) -> Any:
        return bank.learn_from(episode, random_rows(bank, episode, mask, seed)), {}

    return learn


def random_rows(bank: FilteredBank, episode: Episode, mask: Mask, seed: int) -> Integers:
    """Draw as many of an episode's negatives of each class as a mask keeps."""
    rng, rows = np.random.default_rng(seed), bank.rows_of(episode, np.ones_like(mask))
    drawn = [np.zeros(0, dtype=np.int64)]
    for label in episode.classes:
        own = rows[bank.targets[rows] == label]
        drawn.append(rng.choice(own, int(mask[own].sum()), replace=False))
    return np.sort(np.concatenate(drawn))
