"""The configuration of the few-shot evaluation: `python -m benchmarks.few_shot --help`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.episodes import INVERTED, EpisodeConfig, InversionRun, PoolConfig
from genie_transforms import UserError
from index.diffusion.inversion import Inversion

BASELINE = "txt2img"
"""The arm that all others are compared with."""

TWICE = "txt2img-x2"
"""Twice as many images of it: the fair rival of an arm that costs as much."""

GENIE_MIXUP = "genie+mixup"
"""Runs with the authors' protocol alone, whose code says what is mixed."""


@dataclass(frozen=True, kw_only=True)
class FewShotConfig(EpisodeConfig):
    """Run the few-shot evaluation.

    Attributes:
        n_way: Classes of an episode.
        n_query: Query images of each class.
        per_class: Support images of each class in the pool. All that is generated from 16 took 35
            minutes on one busy core, and time grows in proportion.
        inversion_episodes: The arms with textual inversion run on this many episodes, the first
            ones: each learns a token for each of its classes from its own support images. 0 leaves
            these arms out.
        inversion_iterations: Optimiser steps of a token; the paper ran 5000.
        protocol: The paper's text, where every arm has as many labelled images; or the authors'
            code, see `benchmarks.few_shot.authors`.
        head: What learns from the features: the authors' logistic regression, a linear SVM, or
            the nearest prototype.
        arms: Names of arms; all if empty. Txt2Img, to which all are compared, is always run.
    """

    n_way: int = 5
    n_query: int = 16
    inversion_episodes: int = 40
    inversion_iterations: int = 300
    protocol: Literal["paper", "authors"] = "paper"
    head: Literal["logistic", "svm", "prototype"] = "logistic"
    arms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self._known()
        unknown = sorted(set(self.arms) - set(known))
        if unknown:
            also = f" ({GENIE_MIXUP} needs --protocol authors)" if GENIE_MIXUP in unknown else ""
            raise UserError(f"unknown arms {unknown}{also}; choose among {', '.join(known)}")
        most = self.data.num_classes or self.n_way
        if not 2 <= self.n_way <= most:
            raise UserError(f"n_way must lie in [2, {most}], the novel classes, got {self.n_way}")
        if "cap2aug" in self.arms and not self.data.is_demo:
            raise UserError(f"cap2aug needs captions, which {self.data.name} does not have")
        if self.inversion_episodes < 0 or self.inversion_iterations < 1:
            raise UserError(
                f"inversion_episodes {self.inversion_episodes} must not be negative, nor "
                f"inversion_iterations {self.inversion_iterations} less than 1"
            )
        if not self.inversion_episodes and set(self.arms) & set(INVERTED):
            raise UserError(f"{' and '.join(INVERTED)} need inversion_episodes, got 0")

    def _known(self) -> list[str]:
        """Return the names of the arms that the protocol has."""
        from .arms import ARMS  # needs torch, which --help does not

        return [*ARMS, GENIE_MIXUP] if self.protocol == "authors" else [*ARMS]

    @property
    def wanted(self) -> list[str]:
        """Names of the arms to run, in the order of `ARMS`."""
        known = self._known()
        left_out = set() if self.inversion_episodes else set(INVERTED)
        if not self.data.is_demo:
            left_out.add("cap2aug")
        chosen = (*self.arms, BASELINE) if self.arms else known
        return [name for name in known if name in chosen and name not in left_out]

    @property
    def num_episodes(self) -> int:
        """Episodes of each number of shots."""
        return 20 if self.quick else self.episodes

    @property
    def inversion_run(self) -> InversionRun:
        """Where tokens are kept, and how they are learned."""
        inversion = Inversion(
            iterations=10 if self.quick else self.inversion_iterations, batch_size=64
        )
        return InversionRun(self.work / "inverted", inversion)

    def pool(self) -> PoolConfig:
        """Return the pool that the episodes need.

        Raises:
            UserError: It has fewer support images of a class than an episode takes.
        """
        per_class = 6 if self.quick else self.per_class
        if per_class < max(self.k_shot):
            raise UserError(
                f"k_shot {max(self.k_shot)} needs a pool of at least as many per_class, "
                f"got {per_class}"
            )
        return PoolConfig(
            work=self.work,
            per_class=per_class,
            queries_per_class=max(40, self.n_query),
            variations=self.n_way - 1,
            num_inference_steps=10 if self.quick else self.num_inference_steps,
            data=self.data,
        )
