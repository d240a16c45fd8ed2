"""ResNets for small images, by name, as the long tail is trained with."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

SMALL_RESNETS = {
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
