"""Algorithm 1 of the paper on arrays alone: where a sweep leaves its source, and so which r is r*.

`projections` places the images of a sweep on the line from source to target, `select` reads r*
from them, by the paper's rule or by one of its named variants.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Rule = Literal["paper", "signed", "from_source", "settles", "passes"]


RULES: tuple[str, ...] = get_args(Rule)


Floats = npt.NDArray[np.floating]


def projections(embeddings: Floats, source: Floats, centroid: Floats) -> npt.NDArray[np.float64]:
    """Project a sweep on the line from the source to the target's centroid.

    d_m = (Z_m - Z_S) . (Z_T - Z_S) / |Z_T - Z_S|^2, so 0 is the source and 1 the centroid
    (paper, Algorithm 1).

    Args:
        embeddings: Of the generated images, Z_1 … Z_M, ``(..., M, D)``.
        source: Of the source image, Z_S, ``(..., D)``.
        centroid: Of the target class, Z_T, ``(..., D)``.

    Returns:
        d_1 … d_M, ``(..., M)`` float64; they may lie outside [0, 1].

    Raises:
        ValueError: Shapes disagree, a value is not finite, or source and centroid are the same
            point.
    """
    # Centroids are kept in double precision; rounding must not decide between two close jumps.
    z = np.asarray(embeddings, dtype=np.float64)
    start, end = np.asarray(source, dtype=np.float64), np.asarray(centroid, dtype=np.float64)
    if z.shape[-1] != start.shape[-1] or z.shape[-1] != end.shape[-1]:
        raise ValueError(
            f"embeddings have {z.shape[-1]} dimensions, the source {start.shape[-1]}, the "
            f"centroid {end.shape[-1]}: use one backbone for all"
        )
    # NaN would not fail below: argmax takes the first NaN for the largest jump.
    for name, values in (("swept image", z), ("source", start), ("centroid", end)):
        if not np.isfinite(values).all():
            raise ValueError(f"the embedding of a {name} is not finite: check the backbone")
    direction = end - start
    length = (direction**2).sum(-1)
    if not (length > 0).all():
        raise ValueError(
            f"the source's embedding equals the target's centroid{_first(length == 0)}: there is "
            "no line between them; leave the pair out, or use another backbone"
        )
    along = ((z - start[..., None, :]) * direction[..., None, :]).sum(-1)
    d: npt.NDArray[np.float64] = along / length[..., None]
    return d


def select(projections: Floats, rule: str = "paper") -> npt.NDArray[np.int64]:
    """Choose the noise ratio right after the largest jump, or where the target is reached.

    Args:
        projections: d_1 … d_M in the order of increasing r, ``(..., M)``.
        rule: "paper" takes the largest |d_m - d_{m-1}| over m in [2, M], so the first r is never
            chosen; "signed" takes the largest move towards the target; "from_source" is "signed"
            with d_0 = 0, the source itself, in front, so that the first r can win; "settles" takes
            the first r from which on all images lie beyond the middle, d > 1/2, so nearer to the
            centroid than to the source, and the last r if there is none; "passes" takes the r
            after the first with d > 1/2, or the last r.

    Returns:
        Position of r* in the sweep, ``(...)`` int64; ties go to the smaller r.

    Raises:
        ValueError: The rule is unknown, the sweep too short, or a projection is not finite.
    """
    d = _checked(projections, rule)
    last = d.shape[-1] - 1
    # argmax takes the first of equal jumps: that is how ties go to the smaller r.
    match rule:
        case "paper":
            # The sweep does not contain the source, so there is no jump that leads to r_1. Without
            # a sign, as in the authors' code: a move back towards the source can win.
            chosen = np.abs(np.diff(d)).argmax(-1) + 1
        case "signed":
            chosen = np.diff(d).argmax(-1) + 1
        case "from_source":
            chosen = np.diff(d, prepend=0.0).argmax(-1)
        case "settles":
            # Counted from the last r backwards, for as long as every image is past the middle.
            settled = np.logical_and.accumulate(d[..., ::-1] > 0.5, axis=-1)
            chosen = last + 1 - settled.sum(-1)
        case _:
            # Counted from the first image past the middle on, less one for the r after it.
            passed = np.logical_or.accumulate(d > 0.5, axis=-1)
            chosen = last + 2 - passed.sum(-1)
    return np.asarray(np.minimum(chosen, last), dtype=np.int64)


def _checked(projections: Floats, rule: str) -> npt.NDArray[np.float64]:
    """Return projections in double precision, if the rule can choose among them."""
    d = np.asarray(projections, dtype=np.float64)
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; choose among {', '.join(RULES)}")
    if d.ndim == 0:
        raise ValueError("projections must have an axis of noise ratios, got a single number")
    needed = 2 if rule in ("paper", "signed") else 1  # these see nothing but jumps within the sweep
    if d.shape[-1] < needed:
        raise ValueError(f"rule {rule} needs at least {needed} noise ratios, got {d.shape[-1]}")
    if not np.isfinite(d).all():
        raise ValueError("a projection is not finite: the backbone gave NaN or infinity")
    return d


def _first(wrong: npt.NDArray[np.bool_]) -> str:
    """Name the first wrong pair of many; nothing for a single pair."""
    return f" (pair {np.argwhere(wrong)[0].tolist()})" if wrong.ndim else ""
