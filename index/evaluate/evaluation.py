"""Measure a bank beside real images."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import Any

import numpy as np

from genie_transforms import Bank
from genie_transforms.format import DEFAULT_KEEP, write_evaluation, write_json
from index.embed import Integers
from index.installed import require_packages
from index.sources import Source, open_source

from .beside_real import RealImages, open_same_judge, real_hardness
from .config import EvaluateConfig
from .copies import near_duplicates
from .distributions import frechet_distance, kernel_distances, subset_size
from .diversity import within_classes
from .inputs import (
    Images,
    Sizes,
    drawn,
    embed_negatives,
    embed_real,
    match_classes,
    matched,
    open_backbone,
)
from .judged import hardness, label_precision, verdicts
from .manifolds import NEIGHBOURS, manifold_scores
from .text import card_section, show

_SMALL = 2048
"""Images below which a Fréchet distance is said to be biased, whatever the dimension."""


def evaluate_bank(config: EvaluateConfig) -> dict[str, Any]:
    """Return what was measured of a bank, ready for JSON; None where too few images tell nothing.

    Raises:
        BankError: There is no such bank, or it is damaged.
        UserError: It has no such judge or no backbone, or no class in common with the real images.
        MissingPackageError: scikit-learn is not installed.
    """
    require_packages("evaluate")
    keep = DEFAULT_KEEP if config.keep is None else config.keep or None
    bank = Bank.open(config.bank, keep)
    if config.judge:
        verdicts(bank, config.judge)  # before the long work: is there such a judge?
    judge = open_same_judge(config, bank) if config.classifier else None
    source = open_source(config.real, flag="--real")
    classes = match_classes(bank, source)
    backbone = open_backbone(config, bank)
    rng = np.random.default_rng(config.seed)
    compared = [bank.class_names.index(name) for name in classes.compared]
    rows = np.flatnonzero(np.isin(bank.labels, compared))
    chosen = drawn(rows, config.sample, rng)
    sizes = Sizes.of(bank, chosen)
    generated = embed_negatives(bank, chosen, backbone, sizes.model)
    usable = np.flatnonzero(classes.numbers[source.labels] >= 0)
    asked = drawn(usable, config.sample, rng)
    real = embed_real(source, classes.numbers, asked, backbone, sizes)
    names = [str(source.ids[place]) for place in real.places]
    shown = RealImages(source, classes.numbers, asked)
    on_real = real_hardness(judge, bank, config.judge, shown, config.seed) if judge else None
    copies = near_duplicates(real.embeddings, generated.embeddings, generated.places, names)
    return {
        **_about(config, bank, source),
        "backbone": backbone.name,
        "feature_space": _feature_space(backbone.name, bool(config.backbone)),
        "dimension": backbone.dimension,
        "classes": classes.counts(),
        "sizes": asdict(sizes),
        "generated": {"of_these_classes": len(rows), "embedded": len(generated.places)},
        "real_images": {
            "of_these_classes": len(usable),
            "embedded": len(real.places),
            "unreadable": len(asked) - len(real.places),
            "sources_of_the_bank": sum(map(bank.knows_source, real.groups)),
        },
        "near_duplicates": {"rows": len(copies), "nearest": [asdict(one) for one in copies[:10]]},
        **_compared(*matched(real, generated, rng), rng, config.seed),
        **_judged(bank, config.judge),
        "judge_on_real": on_real,
    }


def _about(config: EvaluateConfig, bank: Bank, source: Source) -> dict[str, Any]:
    return {
        "bank": str(config.bank),
        "keep": bank.keep,
        "rows": len(bank),
        "real": config.real,
        "real_kind": source.kind,
        "seed": config.seed,
    }


def _feature_space(name: str, other: bool) -> str:
    # For the card: of a file of weights its name, without the folders of this machine.
    parts = [PurePath(part).name if part[:1] in "/~." else part for part in name.split(":")]
    whose = "not the one that chose the images" if other else "the bank's own backbone"
    return f"unit-norm embeddings of {':'.join(parts)}, {whose}; not Inception's"


def _compared(
    real: Images, generated: Images, rng: np.random.Generator, seed: int
) -> dict[str, Any]:
    """Compare two sets of equally many images of each class."""
    from .probing import real_or_generated  # the only part that needs scikit-learn

    n, x, y = len(real.labels), real.embeddings, generated.embeddings
    halves = np.split(rng.permutation(n), [n // 2])
    kernel = kernel_distances(x, y, rng) if subset_size(n, n) >= 2 else None
    areas = real_or_generated(x, y, [*real.groups, *generated.groups], seed)
    return {
        "matched": n,
        "frechet": {
            "distance": frechet_distance(x, y) if n >= 2 else None,
            "halves_of_real": _between_halves(real, halves) if n >= 4 else None,
            "biased": n < max(_SMALL, 2 * x.shape[1]),
        },
        "kid": {
            "distance": None if kernel is None else float(kernel.mean()),
            "interval": None if kernel is None else np.quantile(kernel, (0.025, 0.975)).tolist(),
            "subset": subset_size(n, n),
        },
        "manifold": asdict(manifold_scores(x, y)) if n > NEIGHBOURS else None,
        "diversity": {
            "generated": within_classes(y, generated.labels),
            "real": within_classes(x, real.labels),
        },
        "probe": None
        if areas is None
        else {"auc": float(areas.mean()), "folds": [float(area) for area in areas]},
    }


def _between_halves(real: Images, halves: list[Integers]) -> float:
    return frechet_distance(*(real.embeddings[half] for half in halves))


def _judged(bank: Bank, judge: str) -> dict[str, Any]:
    """Return what a judge says, and the selecting backbone's own opinion for want of one."""
    on_target = bank.column("on_target").astype(np.float64)
    known = on_target[np.isfinite(on_target)]
    said: dict[str, Any] = {"on_target": float(known.mean()) if len(known) else None}
    if judge:
        said |= {
            "judge": judge,
            "labels": label_precision(bank, judge),
            "hardness": hardness(bank, judge),
        }
    return said


def run(config: EvaluateConfig) -> None:
    """Measure, print the table, and write JSON and card."""
    found = evaluate_bank(config)
    print(show(found))
    if config.json:
        write_json(config.json, found)
    if config.card:
        write_evaluation(config.bank, card_section(found))
