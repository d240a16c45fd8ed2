"""Signed distances of the demo's shapes: negative inside, in units of the shape's radius.

Each function maps local coordinates ``(N, H, W, 2)`` (x right, y down) to ``(N, H, W)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Shape = Callable[[Tensor], Tensor]


Points = Sequence[tuple[float, float]]


def disc(radius: float, x: float = 0.0, y: float = 0.0) -> Shape:
    """Make a disc around (x, y)."""
    centre = torch.tensor([x, y])
    return lambda p: (p - centre).norm(dim=-1) - radius


def ring(radius: float, half_width: float) -> Shape:
    """Make a ring."""
    return lambda p: (p.norm(dim=-1) - radius).abs() - half_width


def crescent(radius: float, bite: Shape) -> Shape:
    """Make a disc with a bite taken out."""
    whole = disc(radius)
    return lambda p: torch.maximum(whole(p), -bite(p))


def polygon(points: Points) -> Shape:
    """Make a simple polygon, by the nearest edge and the parity of crossings."""
    corners = torch.tensor(points, dtype=torch.float32)

    def distance(p: Tensor) -> Tensor:
        nearest = torch.full(p.shape[:-1], math.inf)
        inside = torch.zeros(p.shape[:-1], dtype=torch.bool)
        x, y = p.unbind(-1)
        for (ax, ay), (bx, by) in zip(corners.tolist(), corners.roll(-1, 0).tolist(), strict=True):
            ex, ey = bx - ax, by - ay
            along = (((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey)).clamp(0, 1)
            nearest = torch.minimum(
                nearest, (x - ax - along * ex) ** 2 + (y - ay - along * ey) ** 2
            )
            if ey != 0:
                crosses = (ay <= y) != (by <= y)
                inside ^= crosses & (x < ax + (y - ay) / ey * ex)
        return nearest.sqrt() * torch.where(inside, -1.0, 1.0)

    return distance


def _polar(count: int, radius: Callable[[float], float]) -> Points:
    angles = [2 * math.pi * k / count for k in range(count)]
    return [(radius(a) * math.sin(a), -radius(a) * math.cos(a)) for a in angles]


def _heart(count: int) -> Points:
    angles = [2 * math.pi * k / count for k in range(count)]
    return [
        (
            math.sin(a) ** 3 * 0.95,
            -(13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)) / 17,
        )
        for a in angles
    ]


def _drop(count: int) -> Points:
    """A teardrop with its tip up."""
    angles = [2 * math.pi * k / count for k in range(count)]
    return [(0.68 * math.sin(a) * math.sin(a / 2) ** 1.5, -0.95 * math.cos(a)) for a in angles]


def _fish() -> Points:
    """An ellipse that ends in a tail fin on the right."""
    body = [
        (0.68 * math.cos(a) - 0.28, 0.5 * math.sin(a))
        for a in (0.3 + (2 * math.pi - 0.6) * k / 23 for k in range(24))
    ]
    return [*body, (0.95, -0.6), (0.75, 0.0), (0.95, 0.6)]


_star = _polar(10, lambda a: 1.0 if round(a / (math.pi / 5)) % 2 == 0 else 0.42)


_cross = [
    (-0.3, -0.92), (0.3, -0.92), (0.3, -0.3), (0.92, -0.3), (0.92, 0.3), (0.3, 0.3),
    (0.3, 0.92), (-0.3, 0.92), (-0.3, 0.3), (-0.92, 0.3), (-0.92, -0.3), (-0.3, -0.3),
]  # fmt: skip


_arrow = [(0, -0.98), (0.75, -0.1), (0.27, -0.1), (0.27, 0.95), (-0.27, 0.95), (-0.27, -0.1), (-0.75, -0.1)]  # fmt: skip  # noqa: E501


_bolt = [(0.25, -1.0), (-0.6, 0.12), (-0.05, 0.12), (-0.25, 1.0), (0.6, -0.2), (0.08, -0.2)]


SHAPES: dict[str, Shape] = {
    "circle": disc(0.85),
    "square": polygon([(-0.74, -0.74), (0.74, -0.74), (0.74, 0.74), (-0.74, 0.74)]),
    "triangle": polygon(_polar(3, lambda a: 1.0)),
    "star": polygon(_star),
    "heart": polygon(_heart(32)),
    "ring": ring(0.68, 0.22),
    "cross": polygon(_cross),
    "hourglass": polygon([(-0.7, -0.9), (0.7, -0.9), (0.13, 0.0), (0.7, 0.9), (-0.7, 0.9), (-0.13, 0.0)]),  # noqa: E501
    "crescent": crescent(0.9, disc(0.78, 0.45, 0.0)),
    "arrow": polygon(_arrow),
    "flower": polygon(_polar(60, lambda a: 0.68 + 0.28 * math.cos(5 * a))),
    "drop": polygon(_drop(32)),
    "bolt": polygon(_bolt),
    "fish": polygon(_fish()),
}  # fmt: skip
