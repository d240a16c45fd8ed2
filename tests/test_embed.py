"""Backbones give unit-norm embeddings, or say why not."""

import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import models

from index.demo.scenes import BASE_CLASSES, NOVEL_CLASSES, Scenes
from index.embed import Backbone, load_backbone, without_head


class MeanColour(Backbone):
    """A user's own backbone."""

    dimension = 3

    def features(self, images: Tensor) -> Tensor:
        return images.float().mean((2, 3))

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name}


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("own_backbone")
    vars(module).update(make=MeanColour, wrong=lambda: 3)
    monkeypatch.setitem(sys.modules, "own_backbone", module)


def test_own_backbone(own_module: None) -> None:
    backbone = load_backbone("python:own_backbone:make")
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images[0, 0], images[1, 1:] = 30, 40
    np.testing.assert_allclose(backbone(images), [[1, 0, 0], [0, 0.5**0.5, 0.5**0.5]], atol=1e-6)
    assert backbone.name == "python:own_backbone:make"


def test_demo_embeddings_are_unit_norm_and_do_not_depend_on_the_batch() -> None:
    backbone = load_backbone("demo")
    images = Scenes(2, seed=3).pixels(slice(None))
    whole = backbone(images)
    assert whole.shape == (len(images), backbone.dimension)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(backbone(images[5:6]), whole[5:6], atol=1e-5)


@pytest.mark.parametrize("classes", [BASE_CLASSES, NOVEL_CLASSES])
def test_demo_embeddings_know_base_classes_and_novel_ones(
    classes: tuple[str, ...],
) -> None:
    backbone = load_backbone("demo")
    known, new = Scenes(20, classes, seed=11), Scenes(20, classes, seed=12)
    labels = np.array(known.targets)
    embedded = backbone(known.pixels(slice(None)))
    centroids = np.stack([embedded[labels == c].mean(0) for c in range(len(classes))])
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    nearest = (backbone(new.pixels(slice(None))) @ centroids.T).argmax(1)
    assert (nearest == np.array(new.targets)).mean() > 2 / len(classes)  # twice chance


def test_fingerprint_follows_the_weights() -> None:
    first, again = load_backbone("demo"), load_backbone("demo")
    assert first.fingerprint() == again.fingerprint()
    with torch.no_grad():
        next(again._module.parameters()).add_(1)  # type: ignore[attr-defined]
    assert first.fingerprint() != again.fingerprint()


@pytest.mark.parametrize(
    ("name", "dimension"), [("resnet18", 512), ("mobilenet_v3_small", 576), ("vit_b_16", 768)]
)
def test_torchvision_models_end_with_their_features(name: str, dimension: int) -> None:
    model = without_head(models.get_model(name, weights=None)).eval()
    side = 224 if name.startswith("vit") else 64
    with torch.no_grad():
        assert model(torch.zeros(1, 3, side, side)).shape == (1, dimension)


@pytest.mark.parametrize("spec", ["nothing", "torchvision:resnet19", "python:own_backbone"])
def test_unknown_backbones_are_named(spec: str) -> None:
    with pytest.raises(ValueError, match=f"unknown backbone '{spec}': give demo"):
        load_backbone(spec)


def test_own_backbone_must_be_one(own_module: None) -> None:
    with pytest.raises(ValueError, match="must return an"):
        load_backbone("python:own_backbone:wrong")
    with pytest.raises(ValueError, match="no_such_module"):
        load_backbone("python:no_such_module:make")


def test_an_embedding_of_zero_is_refused(own_module: None) -> None:
    backbone = load_backbone("python:own_backbone:make")
    with pytest.raises(ValueError, match="zero or not finite"):
        backbone(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
