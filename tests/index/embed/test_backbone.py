"""Backbones return unit-norm embeddings, or say why not."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from index.demo.scenes import BASE_CLASSES, NOVEL_CLASSES, Scenes
from index.embed.backbone import Backbone, load_backbone


class MeanColour(Backbone):
    """A user's own backbone."""

    dimension = 3

    def features(self, images: Tensor) -> Tensor:
        return images.float().mean((2, 3))

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name}


def mean_colour(images: Tensor) -> np.ndarray:
    return images.float().mean((2, 3)).numpy()


class Brightest(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

    def forward(self, images: Tensor) -> Tensor:
        return images.float().amax((2, 3)) * self.scale


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("own_backbone")
    vars(module).update(
        make=MeanColour,
        function=lambda: mean_colour,
        module=Brightest,
        wrong=lambda: 3,
        flat=lambda: lambda images: images.float().mean(),
        image=nn.Identity,
    )
    monkeypatch.setitem(sys.modules, "own_backbone", module)


@pytest.mark.parametrize("spec", ["python:own_backbone:make", "own_backbone:function"])
def test_own_backbone(own_module: None, spec: str) -> None:
    backbone = load_backbone(spec, batch_size=1)
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images[0, 0], images[1, 1:] = 30, 40
    np.testing.assert_allclose(backbone(images), [[1, 0, 0], [0, 0.5**0.5, 0.5**0.5]], atol=1e-6)
    assert backbone.name == spec
    assert backbone.dimension == 3
    assert backbone.fingerprint() == load_backbone(spec).fingerprint()


def test_own_torch_module(own_module: None) -> None:
    backbone = load_backbone("python:own_backbone:module")
    images = torch.tensor([3, 4, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 5, 6)
    np.testing.assert_allclose(backbone(images), [[0.6, 0.8, 0]], atol=1e-6)
    assert len(backbone.fingerprint()["weights_sha256"]) == 64  # of bfloat16, too


def test_demo_embeddings_are_unit_norm_and_do_not_depend_on_the_batch() -> None:
    backbone = load_backbone("demo", batch_size=5)
    images = Scenes(2, seed=3).pixels(slice(None))
    whole = backbone(images)
    assert whole.shape == (len(images), backbone.dimension)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(backbone(images[5:6]), whole[5:6], atol=1e-5)
    assert backbone(images[:0]).shape == (0, backbone.dimension)


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


NET = """
from torch import nn
class Base(nn.Module):
    def forward(self, images):
        return images.float().mean((2, 3)) {}
"""
MAKE = "from torch import nn; import own_net\ndef make(): return nn.Sequential(own_net.Net(){})\n"


def test_fingerprint_follows_the_code_of_an_own_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def fingerprint(forward: str = "+ 1", factory: str = "") -> dict[str, Any]:
        """As a process of its own would see it."""
        (tmp_path / "own_base.py").write_text(NET.format(forward))
        (tmp_path / "own_net.py").write_text("import own_base\nclass Net(own_base.Base): pass\n")
        (tmp_path / "own_make.py").write_text(MAKE.format(factory))
        for name in ("own_base", "own_net", "own_make"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return load_backbone("python:own_make:make").fingerprint()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # its stamps are of whole seconds
    first = fingerprint()
    assert fingerprint() == first
    for changed in (fingerprint("+ 22"), fingerprint(factory=", nn.ReLU()")):
        # The weights, of which there are none, are the same.
        assert {key for key in changed if first[key] != changed[key]} == {"source_sha256"}


@pytest.mark.parametrize("spec", ["demo", "python:torch.nn:Flatten"])
def test_what_a_name_and_weights_tell_has_no_code(spec: str) -> None:
    assert "source_sha256" not in load_backbone(spec).fingerprint()


@pytest.mark.parametrize(
    "spec", ["nothing", "torchvision", "torchvision:", "demo:1", "python:own_backbone", "a:"]
)
def test_unknown_backbones_are_named(spec: str) -> None:
    with pytest.raises(ValueError, match=f"backbone '{spec}': .*give demo"):
        load_backbone(spec)


def test_own_backbone_must_be_one(own_module: None) -> None:
    with pytest.raises(ValueError, match=r"must return an .* got int"):
        load_backbone("python:own_backbone:wrong")
    with pytest.raises(ValueError, match="no_such_module"):
        load_backbone("python:no_such_module:make")
    with pytest.raises(ValueError, match="has no attribute 'none'"):
        load_backbone("python:own_backbone:none")
    with pytest.raises(ValueError, match="not one vector each"):
        load_backbone("python:own_backbone:flat")
    with pytest.raises(ValueError, match=r"returns \(1, 3, 64, 64\) for one image, not \(1, D\)"):
        load_backbone("python:own_backbone:image")


def test_bad_images_and_embeddings_are_refused(own_module: None) -> None:
    backbone = load_backbone("python:own_backbone:make")
    with pytest.raises(ValueError, match="zero or not finite"):
        backbone(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"got \(3, 4, 4\) torch.uint8"):
        backbone(torch.zeros(3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"got \(1, 3, 4, 4\) torch.float32"):
        backbone(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        load_backbone("demo", batch_size=0)
