"""What `python -m index.judge` does: show how good the judge is, ask it, and say what it said."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from genie_transforms import Bank, UserError
from genie_transforms.format import (
    DEFAULT_KEEP,
    REJECTED,
    Judgement,
    check_judge_name,
    judge_names,
    planes_of,
)
from index.device import choose_device
from index.sources import BadImageError, as_rgb, class_names_for, make_prompts, open_source
from index.store import check_free

from .classes import class_groups, read_class_file
from .config import JudgeConfig
from .judge import Judge
from .opening import open_judge
from .verdicts import Integers, accuracy_on_real, judge_bank

logger = logging.getLogger("genie")

_WORST = 5


def run(config: JudgeConfig) -> None:
    """Ask a judge about a bank.

    Raises:
        GeNIeError: The bank, the judge or the real images cannot be used.
    """
    folder, name = config.bank, config.name or default_name(config.classifier)
    check_judge_name(name)
    if name == REJECTED:
        raise UserError(f"no judge can be called {REJECTED}: that is what people say, give --name")
    check_free(folder)
    names = Bank.open(folder, keep=None).class_names
    given = None if config.classes is None else read_class_file(config.classes)
    prompts = make_prompts(config.prompt, class_names_for(config.class_names, names))
    device = choose_device(config.device)
    judge = open_judge(
        config.classifier, names, prompts, device=device, batch_size=config.batch_size
    )
    _check_free_name(folder, name, judge)
    groups = class_groups(judge.classes, names, given)
    if config.on_real is not None:
        seen, right = accuracy_on_real(judge, groups, _real(config.on_real, names))
        print(real_summary(seen, right, names))
    judgement = judge_bank(folder, name, judge, groups)
    print(bank_summary(folder, judgement))


def default_name(spec: str) -> str:
    """Return a name for the columns of a classifier: of `timm:resnet50d.a1`, resnet50d_a1."""
    kind, *rest = spec.split(":")
    last = rest[0] if kind in ("torchvision", "timm") and rest else (rest or [kind])[-1]
    word = re.sub(r"[^a-z0-9]+", "_", Path(last).name.lower()).strip("_")
    return word if word[:1].isalpha() else f"judge_{word}".rstrip("_")


def real_summary(seen: Integers, right: Integers, names: Sequence[str]) -> str:
    """Say how often a judge is right about real images, and about which classes least."""
    there = np.flatnonzero(seen)
    shares = right[there] / seen[there]
    worst = there[np.argsort(shares, kind="stable")][:_WORST].tolist()
    shown = ", ".join(f"{names[k]} {right[k]}/{seen[k]}" for k in worst)
    return (
        f"on real images: {right.sum()} of {seen.sum()} right, {100 * right.sum() / seen.sum():.1f}"
        f" %; mean of the classes {100 * shares.mean():.1f} %, the lowest: {shown}"
    )


def bank_summary(folder: Path, judgement: Judgement) -> str:
    """Say what a judge makes of the rows of a bank: all, and those that training uses."""
    lines = [f"{judgement.name}_class, {judgement.name}_target_probability and "
             f"{judgement.name}_source_probability are columns of {folder}"]  # fmt: skip
    for what, keep in (("all rows", None), ("those of the default filter", DEFAULT_KEEP)):
        bank = Bank(folder, keep)
        classes = bank.column(f"{judgement.name}_class")
        known = np.isfinite(classes.astype(np.float64))
        if not known.any():
            lines.append(f"{what}: no verdict")
            continue
        target, source = (
            int((classes == labels).sum()) for labels in (bank.labels, bank.source_labels)
        )
        count = int(known.sum())
        lines.append(
            f"{what}: {target} of {count} show their target ({100 * target / count:.1f} %), "
            f"{source} their source's class ({100 * source / count:.1f} %)"
        )
    return "\n".join(lines)


def _check_free_name(folder: Path, name: str, judge: Judge) -> None:
    """Refuse to write one judge's verdicts over those of another."""
    if name not in judge_names(folder):
        return
    there = Judgement.read(folder, name).about
    differing = judge.differs_in(there)
    if differing:
        raise UserError(
            f"{name} is what {there.get('classifier')} says of {folder}, another judge than "
            f"{judge.spec}: they differ in {', '.join(differing)}. Give another --name, or remove "
            f"judgements/{name}.arrow"
        )


def _real(path: Path, names: Sequence[str]) -> Iterator[tuple[Tensor, int]]:
    """Yield real images, upright, with their class of the bank; those that are bad are counted."""
    source = open_source(str(path))
    unknown = [name for name in source.class_names if name not in names]
    if unknown:
        raise UserError(f"{path} has classes that the bank does not have: {', '.join(unknown[:5])}")
    bad = 0
    for row, label in enumerate(source.labels.tolist()):
        try:
            image = as_rgb(source.image(row))
        except BadImageError:
            bad += 1
            continue
        yield planes_of(image), list(names).index(source.class_names[label])
    if bad:
        logger.warning("%d of %d images of %s cannot be read", bad, len(source), path)
