"""Pairs to sweep and the trajectories that they make: pure bookkeeping, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .config import FirstStep
from .noise import start_timestep
from .solver import first_index, leaves_grid


@dataclass(frozen=True)
class SweepPair:
    """One source to be turned into one target at several noise ratios.

    Attributes:
        source: Row of the source's image.
        prompt: Prompt of the target class.
        noise_ratios: Strictly increasing, in (0, 1].
        seed: Seed of the pair's noise, see `seeds.pair_seed`.

    Raises:
        ValueError: `noise_ratios` do not increase, or leave (0, 1].
    """

    source: int
    prompt: str
    noise_ratios: tuple[float, ...]
    seed: int

    def __post_init__(self) -> None:
        for ratio in self.noise_ratios:
            start_timestep(ratio)
        steps = zip(self.noise_ratios, self.noise_ratios[1:], strict=False)
        if not self.noise_ratios or any(b <= a for a, b in steps):
            raise ValueError(f"noise_ratios must increase strictly, got {self.noise_ratios}")


@dataclass(frozen=True)
class Row:
    """One trajectory: a pair and one of its noise ratios."""

    pair: int
    ratio_index: int
    ratio: float


@dataclass(frozen=True)
class StartGroup:
    """Trajectories that start at the same step.

    Attributes:
        begin: Index of that step in the grid.
        exact_ratio: Noise ratio to which it is moved, off the grid; ``None`` for not at all.
        rows: The trajectories.
    """

    begin: int
    exact_ratio: float | None
    rows: list[Row] = field(default_factory=list)


def group_by_first_step(
    pairs: Sequence[SweepPair], timesteps: Tensor, first_step: FirstStep
) -> list[StartGroup]:
    """Group all trajectories by their first step, noisiest first.

    Trajectories of one group share a scheduler; off the grid, only those of one noise ratio can.

    Args:
        pairs: What to generate.
        timesteps: The grid, ``(N,)``, decreasing.
        first_step: See `config.SweepSettings`.

    Raises:
        UserError: A noise ratio is too small for any step of the grid.
    """
    groups: dict[tuple[int, int | None], StartGroup] = {}
    for number, pair in enumerate(pairs):
        for index, ratio in enumerate(pair.noise_ratios):
            begin = first_index(timesteps, ratio)
            leaves = leaves_grid(float(timesteps[begin]), ratio, first_step)
            # By timestep, not by the ratio itself: ratios may differ in their last bit only.
            key = begin, start_timestep(ratio) if leaves else None
            group = groups.setdefault(key, StartGroup(begin, ratio if leaves else None))
            group.rows.append(Row(number, index, ratio))
    # A stable sort over insertion order: the same pairs make the same calls, row by row.
    return sorted(groups.values(), key=lambda group: group.begin)


def ungroup(
    pairs: Sequence[SweepPair], groups: list[StartGroup], latents: list[Tensor]
) -> list[Tensor]:
    """Bring final latents back into the order of the pairs.

    Args:
        pairs: P pairs.
        groups: See `group_by_first_step`.
        latents: For each group ``(B, C, h, w)``.

    Returns:
        For each pair ``(R, C, h, w)``.
    """
    final: list[list[Tensor]] = [[torch.empty(0)] * len(pair.noise_ratios) for pair in pairs]
    for group, of_group in zip(groups, latents, strict=True):
        for row, one in zip(group.rows, of_group, strict=True):
            final[row.pair][row.ratio_index] = one
    return [torch.stack(of_pair) for of_pair in final]
