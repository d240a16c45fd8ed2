"""Plans of the real planner, and the seconds that their shards take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.plan import Plan, make_plan

Seconds = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SPREAD = 0.1
"""Of the logarithm of a shard's duration, beside what its pairs are."""


WRITING = 0.2
"""Seconds of a shard beside its pairs: encoding images, writing and flushing three files."""


ENCODING = 0.02
"""Seconds for which a source is read and encoded, once for all of its targets in a shard."""


def imagenet_lt(quick: bool = False) -> Plan:
    """Plan 50 images for each Few class of a long tail like ImageNet-LT's.

    The groups have the published sizes, 385, 479 and 136 of 1,000 classes with more than 100, 20 to
    100 and fewer than 20 images; within a group sizes are spread evenly over their logarithms.
    """
    groups = ((385, 1280, 101), (479, 100, 20), (136, 19, 5))
    sizes = np.concatenate([np.geomspace(most, least, count) for count, most, least in groups])
    labels = np.repeat(np.arange(len(sizes)), sizes.round().astype(np.int64))
    each = 5 if quick else 50
    return make_plan(labels, len(sizes), pairs="random:4", per_class=each, max_class_size=19)


def imagenet(quick: bool = False) -> Plan:
    """Plan one pair for each image of a set of ImageNet-1K's size."""
    images, classes = (20_000, 100) if quick else (1_281_167, 1000)
    return make_plan(np.arange(images) % classes, classes, pairs="random:1")


@dataclass(frozen=True)
class Durations:
    """What makes the duration of shards.

    Attributes:
        pair: Seconds of a pair in the network.
        seed: Of what differs among shards and workers.
        stragglers: Share of the workers that take twice as long for everything.
    """

    pair: float
    seed: int = 0
    stragglers: float = 0.05

    def of_shards(self, plan: Plan) -> Seconds:
        """Return the seconds of each shard of a plan, ``(S,)``."""
        return self.of_counts(*counts_of(plan))

    def of_counts(self, pairs: Integers, images: Integers) -> Seconds:
        """Return the seconds of shards with so many pairs, made from so many images."""
        generator = np.random.default_rng(self.seed)
        factors = np.exp(generator.normal(0, SPREAD, len(pairs)))
        seconds: Seconds = WRITING + (ENCODING * images + self.pair * pairs) * factors
        return seconds

    def slowness(self, workers: int) -> Seconds:
        """Return the factor of each worker, ``(workers,)``; of one alone it is 1."""
        generator = np.random.default_rng(self.seed + 1)
        slow = generator.permutation(workers) < int(self.stragglers * workers)
        return np.where(slow, 2.0, 1.0)


def counts_of(plan: Plan) -> tuple[Integers, Integers]:
    """Return the pairs of each shard, and the images that they are made from, ``(S,)`` each."""
    shard = np.arange(len(plan)) // plan.pairs_per_shard
    # Pairs of one image stand together: a shard encodes each image once.
    begins = np.ones(len(plan), dtype=np.bool_)
    begins[1:] = (np.diff(plan.sources) != 0) | (np.diff(shard) != 0)
    pairs = np.bincount(shard, minlength=plan.num_shards)
    return pairs, np.bincount(shard[begins], minlength=plan.num_shards)
