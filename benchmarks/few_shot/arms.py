"""The arms of the few-shot table: what each adds to an episode's support.

Every arm adds (N - 1) K images to each class, as the paper does, so all have equally many labelled
images. GeNIe gets them by turning every support image of the other classes into this class; the
others make N - 1 images from each support image of the class itself. `real-g` adds as many real
images of the generator's own training set: what generated images gain is worth a share of that
(Geng et al., 2024). Only `txt2img-x2` adds twice as many.
"""

from __future__ import annotations

from benchmarks.episodes import (
    FIXED,
    INVERTED,
    POOL_NOISE_RATIOS,
    SAME_CLASS,
    Episode,
    LabelledFeatures,
    Pool,
)
from index.diffusion.sampling import derived_seed
from index.generate import RULES

from .added import Arm, with_support
from .classical import CLASSICAL, classical
from .config import BASELINE, TWICE
from .generated import adaptive, fixed, inverted, random_ratio, real_g, same_class, twice_txt2img

ARMS: dict[str, Arm] = {
    **{name: classical(*parts) for name, parts in CLASSICAL.items()},
    **{name: same_class(name) for name in SAME_CLASS},
    **{name: inverted(name) for name in INVERTED},
    BASELINE: fixed(1.0),
    TWICE: twice_txt2img,
    **{"genie" if r == FIXED else f"genie-{r:g}": fixed(r) for r in POOL_NOISE_RATIOS if r < 1},
    "genie-random": random_ratio,
    **{"genie-ada" if rule == "paper" else f"genie-ada-{rule}": adaptive(rule) for rule in RULES},
    "real-g": real_g,
}
"""By name; `genie-0.5` is GeNIe with r = 0.5, `genie-random` has a random r of the paper's grid."""


def support_features(
    name: str, pool: Pool, episode: Episode, seed: int
) -> tuple[LabelledFeatures, dict[str, float]]:
    """Return what a head learns from in an episode: its support and what an arm adds.

    Args:
        name: One of `ARMS`.
        pool: Real and generated images.
        episode: Its support rows lie in the pool's support.
        seed: Seed of the arm's randomness in this episode.

    Returns:
        Features of N (K + (N - 1) K) labelled images, and the arm's facts.

    Raises:
        ValueError: The arm added another number of images, or one made from outside the support.
    """
    added = ARMS[name](pool, episode, derived_seed(seed, name))
    wanted = (episode.n_way - 1) * len(episode.support_rows) * (2 if name == TWICE else 1)
    if len(added.features) != wanted or len(added.soft) != wanted:
        raise ValueError(f"arm {name} added {len(added.features)} images, not {wanted}")
    return with_support(pool, episode, added), added.facts
