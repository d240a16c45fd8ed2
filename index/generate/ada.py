"""GeNIe-Ada's two ways to r*: from the whole sweep, and from a cheap preview.

The paper's way generates all of X_r to keep one of them, which costs two to four times as much as
plain generation. A preview is the sweep with a few solver steps, after which X_{r*} alone is
generated in full. Each trajectory starts at exactly its noise ratio, so two steps are one call of
the network for every r below 1: the projection to x_0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from index.plan import Plan

from .candidates import Candidates, Negative
from .context import BuildContext
from .generation import Generation
from .quality import choose_noise_ratio


@dataclass
class Counts:
    """How the r* of a shard were found.

    Attributes:
        previewed: From a preview.
    """

    previewed: int = 0


@dataclass
class Ada:
    """Makes the hard negatives of one shard.

    Methods with a fixed noise ratio pass through here, too: theirs is a sweep of one.

    Attributes:
        context: What every shard needs.
        plan: The pairs.
        generation: Makes their images.
        counts: How r* were found.
    """

    context: BuildContext
    plan: Plan
    generation: Generation
    counts: Counts = field(default_factory=Counts)

    def negatives(self, positions: Sequence[int]) -> dict[int, Negative]:
        """Make the pairs at some positions of the plan; those that fail are left out.

        Args:
            positions: Positions in the plan, increasing.

        Returns:
            The negatives by position, in the order of the plan.
        """
        config = self.context.config
        if config.method != "genie-ada" or config.ada == "full":
            return self._from_full_sweeps(positions)
        return self._from_previews(positions)

    def _from_full_sweeps(self, positions: Sequence[int]) -> dict[int, Negative]:
        """Generate every X_r in full and keep one of them: Algorithm 1 as the paper has it."""
        config = self.context.config
        swept = self._candidates(dict.fromkeys(positions, config.sweep_ratios), config.steps)
        return {position: Negative.choose(full) for position, full in swept.items()}

    def _from_previews(self, positions: Sequence[int]) -> dict[int, Negative]:
        """Sweep with few solver steps, and generate X_{r*} in full."""
        config = self.context.config
        previews = self._candidates(
            dict.fromkeys(positions, config.sweep_ratios),
            config.ada_steps,
            guided=config.ada_guidance,
        )
        self.counts.previewed = len(previews)
        wanted = {position: (preview.noise_ratio,) for position, preview in previews.items()}
        # r* belongs to the noise that the preview saw: begin with that seed. Earlier ones
        # gave bad output already, and most likely would again.
        attempts = {position: preview.generated.attempt for position, preview in previews.items()}
        finals = self._candidates(wanted, config.steps, attempts)
        return {p: Negative.choose(full, previews[p]) for p, full in finals.items()}

    def _candidates(
        self,
        noise_ratios: Mapping[int, tuple[float, ...]],
        num_inference_steps: int,
        first_attempts: Mapping[int, int] | None = None,
        *,
        guided: bool = True,
    ) -> dict[int, Candidates]:
        """Generate pairs at some noise ratios, embed the images, and choose among them.

        Args:
            noise_ratios: Of each pair, by position.
            num_inference_steps: Steps of the grid from r = 1.
            first_attempts: See `Generation.generate`.
            guided: See `Generation.generate`.
        """
        generated = self.generation.generate(
            noise_ratios, num_inference_steps, first_attempts, guided=guided
        )
        if not generated:
            return {}
        with self.generation.stage("embed"):
            images = [one.images for one in generated.values()]
            # All pairs in one call: a sweep is far smaller than the backbone's batch.
            embedded = self.context.backbone(torch.cat(images))
            blocks = np.split(embedded, np.cumsum([len(block) for block in images])[:-1])
        candidates = {}
        for (position, one), block in zip(generated.items(), blocks, strict=True):
            source, target = int(self.plan.sources[position]), int(self.plan.targets[position])
            projected, chosen = choose_noise_ratio(self.context, source, target, block)
            candidates[position] = Candidates(noise_ratios[position], one, block, projected, chosen)
        return candidates
