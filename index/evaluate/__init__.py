"""How good is a bank? `python -m index.evaluate BANK --real DIR [--judge NAME]`.

Are the labels right, are the negatives hard, do they look like real images, how diverse are they,
and are some of them copies? Everything is measured beside real images of the same classes, in the
embeddings of the bank's own backbone or of another one. The numbers go into one JSON, one table,
and the bank's dataset card.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .command import main
from .config import EvaluateConfig

if TYPE_CHECKING:
    from .copies import near_duplicates
    from .distributions import frechet_distance, kernel_distances
    from .diversity import mean_distance, vendi_score
    from .evaluation import evaluate_bank
    from .manifolds import manifold_scores
    from .probing import real_or_generated
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "copies": ["near_duplicates"],
            "distributions": ["frechet_distance", "kernel_distances"],
            "diversity": ["mean_distance", "vendi_score"],
            "evaluation": ["evaluate_bank"],
            "manifolds": ["manifold_scores"],
            "probing": ["real_or_generated"],
        },
    )

__all__ = [
    "EvaluateConfig",
    "evaluate_bank",
    "frechet_distance",
    "kernel_distances",
    "main",
    "manifold_scores",
    "mean_distance",
    "near_duplicates",
    "real_or_generated",
    "vendi_score",
]
