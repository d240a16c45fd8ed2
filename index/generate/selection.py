"""Choose r* from the embeddings of a sweep: Algorithm 1 of the paper and its named variants."""

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
        embeddings: Of the generated images, ``(..., M, D)``.
        source: Of the source image, ``(..., D)``.
        centroid: Of the target class, ``(..., D)``.

    Returns:
        ``(..., M)`` float64.

    Raises:
        ValueError: Shapes disagree, a value is not finite, or source and centroid are the same
            point.
    """
    z = np.asarray(embeddings, dtype=np.float64)
    start, end = np.asarray(source, dtype=np.float64), np.asarray(centroid, dtype=np.float64)
    if z.shape[-1] != start.shape[-1] or z.shape[-1] != end.shape[-1]:
        raise ValueError(
            f"embeddings have {z.shape[-1]} dimensions, the source {start.shape[-1]}, the "
            f"centroid {end.shape[-1]}: use one backbone for all"
        )
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


def _first(wrong: npt.NDArray[np.bool_]) -> str:
    """Name the first of many pairs."""
    return f" (pair {np.argwhere(wrong)[0].tolist()})" if wrong.ndim else ""


def select(walked: Floats, rule: str = "paper") -> npt.NDArray[np.int64]:
    """Choose the noise ratio right after the largest jump, or where the target is reached.

    Args:
        walked: Projections d_1 … d_M in the order of increasing r, ``(..., M)``.
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
    d = np.asarray(walked, dtype=np.float64)
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; choose among {', '.join(RULES)}")
    if d.ndim == 0:
        raise ValueError("projections must have an axis of noise ratios, got a single number")
    needed = 1 if rule in ("from_source", "settles", "passes") else 2
    if d.shape[-1] < needed:
        raise ValueError(f"rule {rule} needs at least {needed} noise ratios, got {d.shape[-1]}")
    if not np.isfinite(d).all():
        raise ValueError("a projection is not finite: the backbone gave NaN or infinity")
    last = d.shape[-1] - 1
    if rule == "settles":
        stays = np.logical_and.accumulate(d[..., ::-1] > 0.5, axis=-1)
        return np.asarray(np.minimum(d.shape[-1] - stays.sum(-1), last), dtype=np.int64)
    if rule == "passes":
        past = np.logical_or.accumulate(d > 0.5, axis=-1)
        return np.asarray(np.minimum(last + 2 - past.sum(-1), last), dtype=np.int64)
    if rule == "from_source":
        jumps = np.diff(d, axis=-1, prepend=0.0)
        return np.asarray(jumps.argmax(-1), dtype=np.int64)
    jumps = np.diff(d, axis=-1)
    jumps = np.abs(jumps) if rule == "paper" else jumps
    return np.asarray(jumps.argmax(-1) + 1, dtype=np.int64)
