"""Generate the images of a shard's pairs; bad output is generated again, a few times."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor

from index.config import BuildConfig
from index.diffusion import Family, ModelError
from index.diffusion.sampling import SweepPair, SweepResult, SweepSettings, pair_seed, sweep

logger = logging.getLogger("genie.build")

MAX_ATTEMPTS = 3
"""Seeds that a pair gets in one call before it counts as failed."""


@dataclass(frozen=True)
class PairRequest:
    """What one pair of a shard is.

    Attributes:
        place: Row of its source among the shard's images.
        digest: Content key of the source.
        target: Name of the target class.
        prompt: What the model is conditioned on.
        variation: Number of the repetition, from 0.
    """

    place: int
    digest: str
    target: str
    prompt: str
    variation: int


@dataclass(frozen=True)
class Generated:
    """Images of one pair.

    Attributes:
        images: One for each noise ratio, ``(R, 3, H, W)`` uint8.
        seed: Of the noise.
        attempt: How many seeds gave bad output before this one.
    """

    images: Tensor
    seed: int
    attempt: int


class Generation:
    """Generates pairs of one shard, as often and at whatever noise ratios it is asked to.

    Args:
        config: The build, with all that the model decides filled in.
        family: The diffusion model.
        images: Sources, ``(S, 3, H, W)`` uint8.
        pairs: The pairs; elsewhere they are named by their position in this list.
        first_attempts: With which seed to begin, by position; the first if not given.

    Attributes:
        images: Sources, ``(S, 3, H, W)`` uint8.
        pairs: The pairs.
        failures: Position of each pair that could not be generated -> why.
        reasons: Position of each pair that gave bad output -> why, for each seed that did.
        attempts: Position -> how many seeds a pair has had, those before this run counted.
        network_rows: Rows that went through the denoiser so far, guidance counted.
        seconds: Duration of each stage so far.
    """

    def __init__(
        self,
        config: BuildConfig,
        family: Family,
        images: Tensor,
        pairs: Sequence[PairRequest],
        first_attempts: Mapping[int, int] | None = None,
    ) -> None:
        self._config = config
        self._family = family
        self.images = images
        self.pairs = pairs
        self._first_attempts = dict(first_attempts or {})
        self.failures: dict[int, str] = {}
        self.reasons: defaultdict[int, list[str]] = defaultdict(list)
        self.attempts: dict[int, int] = {}
        self.network_rows = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start

    def seed(self, position: int, attempt: int = 0) -> int:
        """Return the seed of a pair's noise."""
        # From what the pair is and not from its position: it gets the same noise in any shard.
        pair = self.pairs[position]
        return pair_seed(pair.digest, pair.target, pair.variation, self._config.seed, attempt)

    def generate(
        self,
        noise_ratios: Mapping[int, tuple[float, ...]],
        num_inference_steps: int,
        first_attempts: Mapping[int, int] | None = None,
        *,
        guided: bool = True,
    ) -> dict[int, Generated]:
        """Generate pairs; bad output gets a new seed, `MAX_ATTEMPTS` seeds in all.

        Args:
            noise_ratios: At which noise ratios to generate each pair, by position.
            num_inference_steps: Steps of the grid from r = 1.
            first_attempts: Which seed to begin with, by position; the first if not given.
            guided: Whether there is guidance, if the build has any.

        Returns:
            The pairs that worked, by position and in its order; the others are in `failures`.
        """
        settings = SweepSettings(
            num_inference_steps=num_inference_steps,
            guidance_scale=self._config.guidance if guided else 1.0,
            guidance_interval=self._config.guidance_interval,
            negative_prompt=self._config.negative_prompt,
            noise=self._config.noise,
            batch_size=self._config.batch_size,
        )
        first = {**self._first_attempts, **(first_attempts or {})}
        attempts = {position: first.get(position, 0) for position in noise_ratios}
        reasons: dict[int, str] = {}
        generated: dict[int, Generated] = {}
        for _ in range(MAX_ATTEMPTS):
            waiting = [position for position in noise_ratios if position not in generated]
            if not waiting:
                break
            swept = self._sweep(waiting, noise_ratios, attempts, settings)
            for position, (images, reason) in zip(waiting, swept, strict=True):
                attempt = attempts[position]
                self.attempts[position] = max(self.attempts.get(position, 0), attempt + 1)
                if reason is None:
                    seed = self.seed(position, attempt)
                    generated[position] = Generated(images, seed, attempt)
                else:
                    reasons[position] = reason
                    self.reasons[position].append(reason)
                    attempts[position] += 1
        self.failures |= {p: reasons[p] for p in noise_ratios if p not in generated}
        # Pairs that needed another attempt came last: back into the order of the plan.
        return dict(sorted(generated.items()))

    def _sweep(
        self,
        positions: Sequence[int],
        noise_ratios: Mapping[int, tuple[float, ...]],
        attempts: Mapping[int, int],
        settings: SweepSettings,
    ) -> list[tuple[Tensor, str | None]]:
        """Sweep pairs once: images ``(R, 3, H, W)`` uint8 of each, and what is wrong with them."""
        pairs = [
            SweepPair(
                self.pairs[position].place,
                self.pairs[position].prompt,
                noise_ratios[position],
                self.seed(position, attempts[position]),
            )
            for position in positions
        ]
        swept = self._sweep_in_memory(pairs, settings)
        self.network_rows += swept.network_rows
        for stage, value in swept.seconds.items():
            self.seconds[stage] += value
        # One bad image spoils the pair: Algorithm 1 compares all images of a sweep.
        wrong: dict[int, str] = {}
        for (number, _), reason in swept.failures.items():
            wrong.setdefault(number, reason)
        return [(images, wrong.get(number)) for number, images in enumerate(swept.images)]

    def _sweep_in_memory(self, pairs: Sequence[SweepPair], settings: SweepSettings) -> SweepResult:
        """Sweep pairs with half as many rows in each network call as long as they do not fit.

        What fits is kept for the rest of the build: the same calls would run out of memory again.

        Raises:
            ModelError: Not even one row fits.
        """
        family = self._family
        while True:
            rows = min(settings.batch_size, family.most_rows or settings.batch_size)
            try:
                return sweep(family, self.images, pairs, replace(settings, batch_size=rows))
            except RuntimeError as error:
                if not should_reduce_batch_size(error):
                    raise
                if rows == 1:
                    raise ModelError(
                        f"not even one row fits into the memory of {family.device}: {error}"
                    ) from error
            family.most_rows = rows // 2
            clear_device_cache(garbage_collection=True)
            logger.warning("out of memory with %d rows in a call: on with %d", rows, rows // 2)
