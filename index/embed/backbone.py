"""Backbones: images to unit-norm embeddings."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genie_transforms import UserError

from . import networks
from .huggingface import open_transformers
from .networks import Network
from .own import find_own, own_network, source_sha256

BACKBONE_HELP = (
    "demo, torchvision:NAME[:WEIGHTS or CHECKPOINT], transformers:FOLDER or ID, "
    "timm:NAME[:CHECKPOINT], unisiam:resnet18:CHECKPOINT, or your own function as "
    "python:MODULE:FUNCTION"
)

BACKBONES: dict[str, Callable[[str], Network]] = {
    "demo": networks.open_demo,
    "torchvision": networks.open_torchvision,
    "transformers": open_transformers,
    "timm": networks.open_timm,
    "unisiam": networks.open_unisiam,
}


class Backbone(ABC):
    """Maps images to embeddings.

    Attributes:
        name: The specification that it was opened with.
        dimension: D of the embeddings.
        batch_size: Images of one pass.
    """

    name: str
    dimension: int
    batch_size: int = 64

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Return the features ``(N, D)``, of any norm, of images ``(N, 3, H, W)`` uint8."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return all that decides the embeddings, ready for JSON; caches are keyed by it."""

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> npt.NDArray[np.float32]:
        """Return the embeddings of images ``(N, 3, H, W)`` uint8: ``(N, D)`` float32, unit norm.

        Raises:
            ValueError: The images have another shape or dtype.
            UserError: An embedding is not finite, or zero.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
            raise ValueError(
                f"a backbone takes (N, 3, H, W) uint8, got {tuple(images.shape)} {images.dtype}"
            )
        if not len(images):
            return np.zeros((0, self.dimension), dtype=np.float32)
        size = self.batch_size
        parts = [images[k : k + size] for k in range(0, len(images), size)]
        embedded = torch.cat([self.features(part).float().cpu() for part in parts])
        norms = embedded.norm(dim=1)
        if not bool((norms.isfinite() & (norms > 0)).all()):
            raise UserError(
                f"backbone {self.name} returned an embedding that is zero or not finite: check its "
                "weights, and the precision it runs in"
            )
        unit: npt.NDArray[np.float32] = F.normalize(embedded, dim=1).numpy()
        return unit


class ModuleBackbone(Backbone):
    """A network behind its preprocessing.

    Args:
        name: The specification.
        network: Module and preprocessing.
        device: Where the module runs.

    Raises:
        UserError: The module does not return one vector for each image.
    """

    def __init__(self, name: str, network: Network, device: str = "cpu") -> None:
        self.name = name
        self._module = network.module.eval().to(device)
        self._preprocess = network.preprocess
        self._preprocessing = network.preprocessing
        self._code = network.code
        self._device = device
        with torch.inference_mode():
            probe = self.features(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
        if probe.ndim != 2 or len(probe) != 1:
            raise UserError(
                f"backbone {name} returns {tuple(probe.shape)} for one image, not (1, D)"
            )
        self.dimension = int(probe.shape[1])

    def features(self, images: Tensor) -> Tensor:
        """Return what the module makes of the preprocessed images."""
        pixels = self._preprocess(images.to(self._device))
        features: Tensor = self._module(pixels.to(self._device))
        return features

    def fingerprint(self) -> dict[str, Any]:
        """Return the specification, the preprocessing and hashes of weights and a user's code."""
        digest = hashlib.sha256()
        for key, value in sorted(self._module.state_dict().items()):
            # As bytes, for NumPy has no bfloat16. Names of keys count: banks and caches are keyed
            # by this hash, so modules around a network must not be renamed.
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(f"{key} {value.dtype} {tuple(value.shape)} ".encode())
            digest.update(flat.view(torch.uint8).numpy().data)
        about = {
            "name": self.name,
            "preprocessing": self._preprocessing,
            "weights_sha256": digest.hexdigest(),
        }
        return {**about, "source_sha256": self._code} if self._code else about


class FunctionBackbone(Backbone):
    """A user's function from images to features.

    Args:
        name: The specification.
        function: Maps ``(N, 3, H, W)`` uint8 to ``(N, D)``, a tensor or array.
    """

    def __init__(self, name: str, function: Callable[[Tensor], Any]) -> None:
        self.name = name
        self._function = function
        self.dimension = int(self.features(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[1])

    def features(self, images: Tensor) -> Tensor:
        """Return what the function makes of the images."""
        features = torch.as_tensor(self._function(images))
        if features.ndim != 2 or len(features) != len(images):
            raise UserError(
                f"backbone {self.name} returned {tuple(features.shape)} for {len(images)} images, "
                "not one vector each"
            )
        return features

    def fingerprint(self) -> dict[str, Any]:
        """Return the specification and a hash of the function's file; weights are not seen."""
        return {"name": self.name, "source_sha256": source_sha256(self._function)}


def load_backbone(spec: str, *, device: str = "cpu", batch_size: int = 64) -> Backbone:
    """Open a backbone.

    Args:
        spec: "demo"; "torchvision:resnet50", with that model's default weights,
            "torchvision:resnet50:IMAGENET1K_V1" or "torchvision:resnet50:weights.pt";
            "transformers:facebook/dinov2-base", a hub id or folder; "timm:NAME" or
            "timm:NAME:weights.safetensors"; "unisiam:resnet18:checkpoint.pth"; or
            "python:MODULE:FUNCTION", a function without arguments that returns a `Backbone`, a
            torch module, or a function from ``(N, 3, H, W)`` uint8 to ``(N, D)``.
        device: Where it runs.
        batch_size: Images of one pass.

    Raises:
        UserError: The specification names no backbone, or its weights do not fit.
        MissingFileError: There are no such weights.
        MissingPackageError: It needs a package that is not installed.
        ValueError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    kind, _, name = spec.partition(":")
    backbone: Backbone
    if kind in BACKBONES and bool(name) == (kind != "demo"):
        backbone = ModuleBackbone(spec, BACKBONES[kind](name), device)
    elif kind not in BACKBONES and ":" in spec.removeprefix("python:"):
        backbone = _load_own(spec, device)
    else:
        raise UserError(f"unknown backbone {spec!r}: give {BACKBONE_HELP}")
    backbone.batch_size = batch_size
    return backbone


def _load_own(spec: str, device: str) -> Backbone:
    make = find_own(spec, "backbone", f"give {BACKBONE_HELP}")
    made = make()
    if isinstance(made, Backbone):
        made.name = spec
        return made
    if isinstance(made, nn.Module):
        return ModuleBackbone(spec, own_network(make, made), device)
    if callable(made):
        return FunctionBackbone(spec, made)
    raise UserError(
        f"backbone {spec!r} must return an index.embed.Backbone, a torch module or a function, "
        f"got {type(made).__name__}"
    )
