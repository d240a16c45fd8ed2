"""Draw the paper's figures: `python -m benchmarks.figures`.

Of the bank that `--bank` names, those that need nothing but a bank with its sweeps; else all of
them, from a bank that is made here. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.measure import environment
from genie_transforms.format import write_json

from .arms import arms_sheet
from .arms_probabilities import arms_probabilities
from .config import FiguresConfig
from .distances import distances
from .effect import effect_curves, effect_sheet
from .ingredients import ingredients
from .make import make_material
from .material import Made, Material, SweptBank
from .probabilities import probability_densities
from .sheets import Drawn, keep
from .trajectories import trajectories
from .two_way import two_way

OF_BANK: dict[str, Callable[[Material], Drawn]] = {
    "effect-of-r": effect_sheet,
    "effect-of-r-curves": effect_curves,
    "trajectories": trajectories,
    "probabilities": probability_densities,
    "distances": distances,
}
"""Figures that need a bank with its sweeps and the images that it was made from."""


def drawn(material: Material) -> Iterator[tuple[str, Drawn]]:
    """Draw each figure that can be drawn, with its name."""
    for name, draw in OF_BANK.items():
        yield name, draw(material)
    if isinstance(material, Made):
        yield "arms", arms_sheet(material)
        yield "arms-probabilities", arms_probabilities(material)
        sheet, curves = ingredients(material)
        yield "ingredients", sheet
        yield "ingredients-curves", curves
        sheet, curves = two_way(material)
        yield "two-way", sheet
        yield "two-way-curves", curves


def main(config: FiguresConfig) -> dict[str, Any]:
    """Make what is needed, draw, and write figures and numbers."""
    if config.quick:
        config = replace(config, per_class=4, pairs="nearest:1", num_inference_steps=10, episodes=3)
    if config.work is not None:
        material: Material = make_material(config, config.work)
    elif config.bank is not None:
        material = Material(config, SweptBank.read(config.bank))
    report: dict[str, Any] = {}
    for name, one in drawn(material):
        for path in keep(config.out, name, one):
            print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
        if one.numbers:
            report[name.removesuffix("-curves")] = dict(one.numbers)
    report |= {"num_inference_steps": config.num_inference_steps, "k_shot": config.k_shot}
    if config.json:
        write_json(config.json, {**_rounded(report), **environment()})
    return report


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value
