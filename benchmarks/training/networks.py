"""Networks by name: small ones for small images, torchvision's and timm's."""

from __future__ import annotations

from pathlib import Path

import timm
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from genie_transforms import MissingFileError, UserError
from index.embed import read_checkpoint

_SMALL = {
    "resnet10": (16, (1, 1, 1, 1)),
    "resnet20": (16, (3, 3, 3)),
    "resnet32": (16, (5, 5, 5)),
}
"""Width of the first stage and blocks of each stage; every stage after the first halves the image
and doubles the width."""


class SmallImageResNet(nn.Module):
    """A ResNet of torchvision's blocks for images of 28 to 64 pixels: its stem keeps their size."""

    def __init__(self, width: int, blocks: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        stem = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers: list[nn.Module] = []
        planes = width
        for stage, count in enumerate(blocks):
            for block in range(count):
                stride = 2 if stage and not block else 1
                layers.append(_block(planes, width * 2**stage, stride))
                planes = width * 2**stage
        self.features = nn.Sequential(*stem, *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(planes, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(B, 3, H, W)`` to logits ``(B, C)``."""
        logits: Tensor = self.fc(self.features(images))
        return logits


def _block(inplanes: int, planes: int, stride: int) -> BasicBlock:
    if inplanes == planes and stride == 1:
        return BasicBlock(planes, planes)
    shortcut = nn.Sequential(
        nn.Conv2d(inplanes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
    )
    return BasicBlock(inplanes, planes, stride=stride, downsample=shortcut)


def make_network(model: str, num_classes: int, weights: str = "") -> nn.Module:
    """Return a network with a head of `num_classes`, its weights drawn from torch's generator.

    Args:
        model: resnet10, resnet20 or resnet32; torchvision:NAME or timm:NAME.
        num_classes: C.
        weights: A checkpoint to begin with, "" for none. A head of another number of classes is
            left out; everything else must fit.

    Raises:
        UserError: There is no such network, or the checkpoint is of another one.
        MissingFileError: There is no such checkpoint.
    """
    kind, _, name = model.partition(":")
    if model in _SMALL:
        network: nn.Module = SmallImageResNet(*_SMALL[model], num_classes)
    elif kind == "torchvision" and name in torchvision.models.list_models():
        network = torchvision.models.get_model(name, weights=None, num_classes=num_classes)
    elif kind == "timm" and timm.is_model(name):
        network = timm.create_model(name, pretrained=False, num_classes=num_classes)
    else:
        raise UserError(
            f"unknown model {model!r}; choose {', '.join(_SMALL)}, torchvision:NAME or timm:NAME"
        )
    if weights:
        _load(network, Path(weights))
    return network


def _load(network: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise MissingFileError(f"no weights at {path}")
    found, wanted = read_checkpoint(path)[0], network.state_dict()
    shapes = {key: value.shape for key, value in wanted.items()}
    # Heads alone may differ: they are what a change of classes changes.
    head = {k for k in shapes if k.startswith(("fc.", "head.", "classifier.", "heads."))}
    state = {k: v for k, v in found.items() if k not in head or shapes[k] == v.shape}
    missing = sorted(shapes.keys() - state.keys() - head)
    other = sorted(k for k in state.keys() & shapes.keys() if state[k].shape != shapes[k])
    if missing or other:
        raise UserError(
            f"{path} is no checkpoint of this network: it lacks {missing[:3]}, and differs in "
            f"the shapes of {other[:3]}"
        )
    network.load_state_dict({k: v for k, v in state.items() if k in shapes}, strict=False)
