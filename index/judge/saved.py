"""Your own classifier as a folder: `judge.json`, which says what it is, and its weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from torchvision.transforms import v2

from genie_transforms import MissingFileError, MissingPackageError, UserError
from genie_transforms.format import atomic_path, write_json
from index.embed import Network, load_body, read_checkpoint
from index.train import SMALL_RESNETS, SmallImageResNet

from .pretrained import Opened

ABOUT, WEIGHTS = "judge.json", "judge.safetensors"


@dataclass(frozen=True)
class SavedJudge:
    """The content of `judge.json`.

    Attributes:
        architecture: resnet10, resnet20 or resnet32 (for small images, as `benchmarks.long_tail`
            trains them), torchvision:NAME or timm:NAME.
        classes: Names of its classes, in the order of its head.
        resize: The shorter side of an image is scaled to this, in pixels.
        crop: Then its middle of this height and width is what the network sees.
        mean: Of each channel, of pixels in [0, 1]; subtracted.
        std: Of each channel; what is left is divided by it.
        settings: What else the architecture takes, by name.
        weights: File beside it, safetensors or one that `torch.load` reads without code.
    """

    architecture: str
    classes: list[str]
    resize: int
    crop: int
    mean: list[float]
    std: list[float]
    settings: dict[str, Any] = field(default_factory=dict)
    weights: str = WEIGHTS


def save_judge(folder: Path, network: nn.Module, about: SavedJudge) -> None:
    """Write a classifier as a folder that `python -m index.judge --classifier folder:…` opens.

    Args:
        folder: Where; other files in it stay.
        network: The network, of `about.architecture`.
        about: What it is.

    Raises:
        UserError: No such architecture can be made, or the network is of another one.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    load_body(make_network(about), state, about.architecture, [])  # it will be read like that
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / about.weights) as temporary:
        save_file(state, temporary)
    write_json(folder / ABOUT, asdict(about))


def open_saved(spec: str) -> Opened:
    """Open a folder with `judge.json`.

    Raises:
        MissingFileError: There is none, or no weights.
        UserError: It is damaged, names no architecture, or the weights do not fit.
    """
    folder = Path(spec)
    if not (folder / ABOUT).is_file():
        raise MissingFileError(f"there is no {folder / ABOUT}: see docs/judging.md")
    try:
        about = SavedJudge(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        names = list(about.classes)
        steps = v2.Compose(
            [
                v2.Resize(int(about.resize), antialias=True),
                v2.CenterCrop(int(about.crop)),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(list(about.mean), list(about.std)),
            ]
        )
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("classes must be a list of names")
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{folder / ABOUT} is damaged ({error}): see docs/judging.md") from error
    if Path(about.weights).name != about.weights:
        raise UserError(
            f"{folder / ABOUT}: weights must be a file beside it, got {about.weights!r}"
        )
    network = make_network(about)
    load_body(network, read_checkpoint(folder / about.weights)[0], about.weights, [])
    return Network(network, steps, repr(steps)), [(name,) for name in names]


def make_network(about: SavedJudge) -> nn.Module:
    """Return a network of a saved judge's architecture, with random weights.

    Raises:
        UserError: There is no such architecture, or it does not take its settings.
        MissingPackageError: timm is not installed.
    """
    kind, _, name = about.architecture.partition(":")
    makers: Mapping[str, Callable[..., nn.Module]] = {
        "torchvision": models.get_model,
        "timm": _timm,
    }
    try:
        if about.architecture in SMALL_RESNETS:
            return SmallImageResNet(
                *SMALL_RESNETS[about.architecture], len(about.classes), **about.settings
            )
        if kind in makers and name:
            return makers[kind](name, num_classes=len(about.classes), **about.settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"cannot make {about.architecture}: {error}") from error
    known: Sequence[str] = [*SMALL_RESNETS, "torchvision:NAME", "timm:NAME"]
    raise UserError(f"unknown architecture {about.architecture!r}; choose {', '.join(known)}")


def _timm(name: str, **settings: Any) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise MissingPackageError("timm is not installed: pip install timm") from error
    model: nn.Module = timm.create_model(name, pretrained=False, **settings)
    return model
