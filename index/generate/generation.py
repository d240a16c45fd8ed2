"""Make the pictures of a shard's pairs; bad ones are made again, a few times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from index.config import BuildConfig
from index.diffusion import Family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class PairRequest:
    """What one pair of a shard is.

    Attributes:
        place: Row of its source among the shard's images.
        digest: Content key of the source.
        target: Name of the target class.
        prompt: What the model is told.
        variation: Number of the repetition, from 0.
    """

    place: int
    digest: str
    target: str
    prompt: str
    variation: int


@dataclass(frozen=True)
class Generated:
    """Pictures of one pair.

    Attributes:
        images: One for each noise ratio, ``(R, 3, H, W)`` uint8.
        seed: Of the noise.
        attempt: How many seeds gave bad output before this one.
    """

    images: Tensor
    seed: int
    attempt: int


class Generation:
    """Generates pairs of one shard, as often and at whatever noise ratios it is asked for.

    Args:
        config: The build, with all that the model decides filled in.
        family: The diffusion model.
        images: Sources, ``(S, 3, H, W)`` uint8.
        pairs: The pairs; their positions name them below.

    Attributes:
        failures: Position of each pair that gave no picture -> why.
        network_rows: Rows that went through the denoiser so far, guidance counted.
        seconds: Duration of each stage so far.
    """

    def __init__(
        self, config: BuildConfig, family: Family, images: Tensor, pairs: Sequence[PairRequest]
    ) -> None:
        self._config = config
        self._family = family
        self._images = images
        self.pairs = pairs
        self.failures: dict[int, str] = {}
        self.network_rows = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def seed(self, position: int, attempt: int = 0) -> int:
        """Give the seed of a pair's noise."""
        pair = self.pairs[position]
        return pair_seed(pair.digest, pair.target, pair.variation, self._config.seed, attempt)

    def run(
        self,
        noise_ratios: Mapping[int, tuple[float, ...]],
        num_inference_steps: int,
        first_attempts: Mapping[int, int] | None = None,
    ) -> dict[int, Generated]:
        """Generate pairs; bad output gets a new seed, `MAX_ATTEMPTS` seeds in all.

        Args:
            noise_ratios: What to make of each pair, by position.
            num_inference_steps: Steps of the grid from r = 1.
            first_attempts: Which seed to begin with, by position; the first if not given.

        Returns:
            The pairs that worked, by position and in its order; the others are in `failures`.
        """
        first = first_attempts or {}
        attempts = {position: first.get(position, 0) for position in noise_ratios}
        reasons: dict[int, str] = {}
        made: dict[int, Generated] = {}
        for _ in range(MAX_ATTEMPTS):
            waiting = [position for position in noise_ratios if position not in made]
            if not waiting:
                break
            swept = self._sweep(waiting, noise_ratios, attempts, num_inference_steps)
            for position, (images, reason) in zip(waiting, swept, strict=True):
                attempt = attempts[position]
                if reason is None:
                    made[position] = Generated(images, self.seed(position, attempt), attempt)
                else:
                    reasons[position] = reason
                    attempts[position] += 1
        self.failures |= {p: reasons[p] for p in noise_ratios if p not in made}
        return dict(sorted(made.items()))

    def _sweep(
        self,
        positions: Sequence[int],
        noise_ratios: Mapping[int, tuple[float, ...]],
        attempts: Mapping[int, int],
        num_inference_steps: int,
    ) -> list[tuple[Tensor, str | None]]:
        """Sweep pairs once: images ``(R, 3, H, W)`` uint8 of each, and what is wrong with them."""
        config = self._config
        pairs = [
            SweepPair(
                self.pairs[position].place,
                self.pairs[position].prompt,
                noise_ratios[position],
                self.seed(position, attempts[position]),
            )
            for position in positions
        ]
        settings = SweepSettings(
            num_inference_steps=num_inference_steps,
            guidance_scale=config.guidance,
            negative_prompt=config.negative_prompt,
            noise=config.noise,
            batch_size=config.batch_size,
        )
        swept = sweep(self._family, self._images, pairs, settings)
        self.network_rows += swept.network_rows
        for stage, value in swept.seconds.items():
            self.seconds[stage] += value
        wrong: dict[int, str] = {}
        for (number, _), reason in swept.failures.items():
            wrong.setdefault(number, reason)
        return [(images, wrong.get(number)) for number, images in enumerate(swept.images)]
