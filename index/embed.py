"""Backbones: images to unit-norm embeddings."""

from __future__ import annotations

import hashlib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from .demo.weights import ENCODER, load_encoder

SPECS = "demo, torchvision:NAME or python:MODULE:FUNCTION"


class Backbone(ABC):
    """Maps images to embeddings.

    Attributes:
        name: The specification that it was opened by.
        dimension: D of the embeddings.
    """

    name: str
    dimension: int
    batch_size: int = 64

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` uint8 to features ``(N, D)`` float32, of any norm."""

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Describe all that decides the embeddings, ready for JSON."""

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> npt.NDArray[np.float32]:
        """Embed images ``(N, 3, H, W)`` uint8: ``(N, D)`` float32, unit norm.

        Raises:
            ValueError: An embedding is not finite or of length zero.
        """
        parts = [self.features(part).float().cpu() for part in images.split(self.batch_size)]
        embedded = torch.cat(parts)
        norms = embedded.norm(dim=1)
        if not bool((norms.isfinite() & (norms > 0)).all()):
            raise ValueError(f"backbone {self.name} gave an embedding that is zero or not finite")
        unit: npt.NDArray[np.float32] = F.normalize(embedded, dim=1).numpy()
        return unit


class ModuleBackbone(Backbone):
    """A torch module behind a preprocessing function.

    Args:
        name: The specification.
        module: Maps preprocessed images to features ``(N, D)``.
        preprocess: Maps ``(N, 3, H, W)`` uint8 to the module's input.
        device: Where the module runs.
    """

    def __init__(
        self, name: str, module: nn.Module, preprocess: Callable[[Tensor], Tensor], device: str
    ) -> None:
        self.name = name
        self._module = module.eval().to(device)
        self._preprocess = preprocess
        self._device = device
        with torch.inference_mode():
            probe = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
            self.dimension = int(self.features(probe).shape[1])

    def features(self, images: Tensor) -> Tensor:
        """Preprocess and run the module."""
        features: Tensor = self._module(self._preprocess(images.to(self._device)))
        return features

    def fingerprint(self) -> dict[str, Any]:
        """Give the specification and a hash of the weights."""
        digest = hashlib.sha256()
        for key, value in sorted(self._module.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return {"name": self.name, "weights_sha256": digest.hexdigest()}


def load_backbone(spec: str, *, device: str = "cpu") -> Backbone:
    """Open a backbone.

    Args:
        spec: "demo"; "torchvision:resnet50", with that model's default weights; or
            "python:MODULE:FUNCTION", a function without arguments that returns a `Backbone`.
        device: Where it runs.

    Raises:
        ValueError: The specification names no backbone.
        FileNotFoundError: The demo's encoder has not been trained.
    """
    kind, _, name = spec.partition(":")
    if spec == "demo":
        return _demo(device)
    if kind == "torchvision" and name in models.list_models(module=models):
        return _torchvision(spec, name, device)
    if kind == "python" and ":" in name:
        return _own(spec, *name.split(":", 1))
    raise ValueError(f"unknown backbone {spec!r}: give {SPECS}")


def _demo(device: str) -> Backbone:
    if not ENCODER.exists():
        raise FileNotFoundError(f"{ENCODER} is missing: run `python -m index.demo.train`")
    return ModuleBackbone("demo", load_encoder(), _to_demo, device)


def _to_demo(images: Tensor) -> Tensor:
    pixels = images.float() / 255
    if pixels.shape[-2:] == (64, 64):
        return pixels
    return F.interpolate(pixels, (64, 64), mode="bilinear", antialias=True).clamp(0, 1)


def _torchvision(spec: str, name: str, device: str) -> Backbone:
    """Open a torchvision model with its default weights, their transforms, and no head."""
    weights = models.get_model_weights(name).DEFAULT  # type: ignore[attr-defined]
    model = models.get_model(name, weights=weights)
    return ModuleBackbone(spec, without_head(model), weights.transforms(), device)


def without_head(model: nn.Module) -> nn.Module:
    """Make a torchvision classifier end with its pooled features ``(N, D)``.

    Raises:
        ValueError: The model has no head that we know.
    """
    for head in ("fc", "classifier", "head", "heads"):
        if hasattr(model, head):
            setattr(model, head, nn.Identity())
            return nn.Sequential(model, nn.Flatten())
    raise ValueError(f"{type(model).__name__} has no fc, classifier, head or heads to leave out")


def _own(spec: str, module: str, function: str) -> Backbone:
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"backbone {spec!r}: {error}") from error
    backbone = make()
    if not isinstance(backbone, Backbone):
        raise ValueError(f"backbone {spec!r}: {function}() must return an index.embed.Backbone")
    backbone.name = spec
    return backbone
