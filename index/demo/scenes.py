"""Procedural scenes: one shaded shape on a textured background, 64 x 64, with its mask.

Every random choice of a scene is drawn once, as a row of `SceneParams`; rendering is a pure
function of those rows. So a dataset is a few small tensors, and any subset renders at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset
from tqdm import tqdm

from .shapes import SHAPES

SIZE = 64


MAX_ROTATION = torch.pi / 6  # like things in photographs, shapes have a right way up


BASE_CLASSES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "hourglass")


NOVEL_CLASSES = ("crescent", "arrow", "flower", "drop", "bolt", "fish")


CLASSES = BASE_CLASSES + NOVEL_CLASSES


# name: hue, saturation, value
COLORS = {
    "red": (0.00, 0.85, 0.85),
    "orange": (0.08, 0.90, 0.95),
    "yellow": (0.15, 0.85, 0.95),
    "green": (0.33, 0.75, 0.65),
    "cyan": (0.50, 0.75, 0.85),
    "blue": (0.62, 0.80, 0.85),
    "purple": (0.77, 0.65, 0.70),
    "pink": (0.90, 0.50, 0.95),
}


TEXTURES = ("gradient", "stripes", "checks", "clouds")


_HSV = torch.tensor(list(COLORS.values()))


@dataclass(frozen=True)
class SceneParams:
    """The random choices of N scenes, one row each.

    Attributes:
        shape: Class, ``(N,)`` int64, an index into `CLASSES`.
        color: Object colour, ``(N,)`` int64, an index into `COLORS`.
        ground: Background colour, ``(N,)`` int64; never equal to `color`.
        texture: ``(N,)`` int64, an index into `TEXTURES`.
        place: Centre x, y, radius and rotation, ``(N, 4)`` float32, in units of half the image
            and radians.
        tone: Jitter of the three colours in HSV, ``(N, 3, 3)`` float32 in [-1, 1].
        pattern: Angle, frequency, phase and contrast of the texture, ``(N, 4)`` float32 in [0, 1).
        clouds: Coarse value noise, ``(N, 5, 5)`` float32 in [0, 1).
    """

    shape: Tensor
    color: Tensor
    ground: Tensor
    texture: Tensor
    place: Tensor
    tone: Tensor
    pattern: Tensor
    clouds: Tensor

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, rows: slice | Tensor | list[int]) -> SceneParams:
        return SceneParams(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def draw(cls, shape: Tensor, seed: int) -> SceneParams:
        """Draw one scene for each class in `shape`, ``(N,)`` int64."""
        n, rng = len(shape), torch.Generator().manual_seed(seed)
        radius = 0.46 + 0.22 * torch.rand(n, generator=rng)
        centre = (2 * torch.rand(n, 2, generator=rng) - 1) * (0.92 - radius)[:, None]
        angle = (2 * torch.rand(n, generator=rng) - 1) * MAX_ROTATION
        color = torch.randint(len(COLORS), (n,), generator=rng)
        other = 1 + torch.randint(len(COLORS) - 1, (n,), generator=rng)
        return cls(
            shape=shape,
            color=color,
            ground=(color + other) % len(COLORS),
            texture=torch.randint(len(TEXTURES), (n,), generator=rng),
            place=torch.cat([centre, radius[:, None], angle[:, None]], 1),
            tone=2 * torch.rand(n, 3, 3, generator=rng) - 1,
            pattern=torch.rand(n, 4, generator=rng),
            clouds=torch.rand(n, 5, 5, generator=rng),
        )


def render(params: SceneParams) -> tuple[Tensor, Tensor]:
    """Render scenes.

    Args:
        params: N scenes.

    Returns:
        Images, ``(N, 3, 64, 64)`` float32 in [0, 1], and the objects' masks,
        ``(N, 64, 64)`` bool.
    """
    line = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)  # (64, 64, 2): x, y
    centre, radius, angle = params.place[:, :2], params.place[:, 2], params.place[:, 3]
    offset = (grid[None] - centre[:, None, None]) / radius[:, None, None, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = offset.unbind(-1)
    local = torch.stack([cos * x + sin * y, cos * y - sin * x], -1)

    distance = torch.empty(len(params), SIZE, SIZE)
    for index in sorted(set(params.shape.tolist())):
        rows = params.shape == index
        distance[rows] = SHAPES[CLASSES[index]](local[rows])
    distance *= radius[:, None, None]

    hsv = _HSV[torch.stack([params.color, params.ground, params.ground], 1)]
    spread = torch.tensor([[0.02, 0.1, 0.1], [0.02, 0.15, 0.15], [0.06, 0.3, 0.3]])
    rgb = _hsv_to_rgb(hsv + params.tone * spread)[..., None, None]  # (N, 3, 3, 1, 1)
    blend = _texture(params, grid)[:, None]
    background = rgb[:, 1] + (rgb[:, 2] - rgb[:, 1]) * blend
    light = (0.85 - 0.22 * y - 0.15 * x)[:, None]  # lit from the upper left, in every scene
    rim = (1 + 3 * distance / radius[:, None, None]).clamp(0, 1)[:, None] * 0.25
    body = rgb[:, 0] * (light - rim)
    cover = (0.5 - distance * SIZE / 2).clamp(0, 1)[:, None]  # one pixel of anti-aliasing
    return (background + (body - background) * cover).clamp(0, 1), distance < 0


def _texture(params: SceneParams, grid: Tensor) -> Tensor:
    """Compute the blend of the background's two colours, ``(N, 64, 64)`` in [0, 1]."""
    angle, frequency, phase, contrast = (column[:, None, None] for column in params.pattern.T)
    turn = angle * torch.pi
    along = turn.cos() * grid[..., 0] + turn.sin() * grid[..., 1]
    across = turn.cos() * grid[..., 1] - turn.sin() * grid[..., 0]
    omega, shift = torch.pi * (2 + 3 * frequency), 2 * torch.pi * phase
    wave = (3 * torch.sin(omega * along + shift)).clamp(-1, 1)
    other_wave = (3 * torch.sin(omega * across + shift)).clamp(-1, 1)
    clouds = F.interpolate(params.clouds[:, None], SIZE, mode="bicubic", align_corners=True)[:, 0]
    kinds = torch.stack(
        [0.5 + 0.5 * along, 0.5 + 0.5 * wave, 0.5 + 0.5 * wave * other_wave, clouds]
    )
    chosen = kinds.gather(0, params.texture[None, :, None, None].expand(1, -1, SIZE, SIZE))[0]
    blend: Tensor = chosen.clamp(0, 1) * (0.6 + 0.4 * contrast)
    return blend


def _hsv_to_rgb(hsv: Tensor) -> Tensor:
    """Convert ``(..., 3)`` HSV to RGB; hue wraps, the rest is clamped to [0, 1]."""
    hue, saturation, value = hsv[..., :1], hsv[..., 1:2].clamp(0, 1), hsv[..., 2:].clamp(0, 1)
    ramp = ((hue + torch.tensor([0.0, 2 / 3, 1 / 3])) % 1 * 6 - 3).abs() - 1
    return value * (1 + saturation * (ramp.clamp(0, 1) - 1))


class Scenes(Dataset[tuple[Any, int]]):
    """A torchvision-style dataset of scenes, the same for the same seed.

    Args:
        num_per_class: Scenes of each class.
        classes: A subset of `CLASSES`; labels are positions in it.
        seed: Seed of every random choice.
        transform: Applied to the PIL image.

    Example:
        >>> image, label = Scenes(num_per_class=10)[0]
        >>> image.size, label
        ((64, 64), 0)
    """

    def __init__(
        self,
        num_per_class: int,
        classes: Sequence[str] = CLASSES,
        seed: int = 0,
        transform: Callable[[Image.Image], Any] | None = None,
    ) -> None:
        unknown = set(classes) - set(CLASSES)
        if unknown:
            raise ValueError(f"unknown classes {sorted(unknown)}; choose among {list(CLASSES)}")
        if num_per_class < 1:
            raise ValueError(f"num_per_class must be at least 1, got {num_per_class}")
        self.classes = list(classes)
        self.class_to_idx = {name: label for label, name in enumerate(classes)}
        self.transform = transform
        self.targets = [label for label in range(len(classes)) for _ in range(num_per_class)]
        shape = torch.tensor([CLASSES.index(self.classes[label]) for label in self.targets])
        self.params = SceneParams.draw(shape, seed)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        pixels = self.pixels([index])[0]
        image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        return (self.transform(image) if self.transform else image), self.targets[index]

    def number_by_name(self) -> None:
        """Number the classes in the order of their sorted names; no scene changes."""
        names = sorted(self.classes)
        self.targets = [names.index(self.classes[label]) for label in self.targets]
        self.class_to_idx = {name: label for label, name in enumerate(names)}
        self.classes = names

    def pixels(self, rows: list[int] | slice) -> Tensor:
        """Render some scenes as ``(N, 3, 64, 64)`` uint8."""
        return (render(self.params[rows])[0] * 255).round().to(torch.uint8)

    def mask(self, index: int) -> Tensor:
        """Return the object's mask, ``(64, 64)`` bool."""
        return render(self.params[[index]])[1][0]

    def caption(self, index: int) -> str:
        """Describe a scene: "a red star on blue stripes"."""
        row, colors = self.params[[index]], list(COLORS)
        name, texture = CLASSES[int(row.shape)], TEXTURES[int(row.texture)]
        return f"a {colors[int(row.color)]} {name} on {colors[int(row.ground)]} {texture}"

    def write_image_folder(self, root: Path) -> None:
        """Write every scene as `root/<class>/<number>.png`, the layout of `ImageFolder`."""
        for name in self.classes:
            (root / name).mkdir(parents=True, exist_ok=True)
        for index in tqdm(range(len(self)), desc="scenes", unit="image", disable=None):
            image, label = Scenes.__getitem__(self, index)
            image.save(root / self.classes[label] / f"{index:06d}.png")
