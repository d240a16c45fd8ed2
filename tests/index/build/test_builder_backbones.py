"""Your own backbones and indexes drive a build."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock
from torchvision.transforms.v2.functional import pil_to_tensor

from genie_transforms import Bank
from genie_transforms.format.manifest import Manifest
from index.build.builder import build
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.embed.backbone import load_backbone
from index.embed.embedding_index import EmbeddingIndex
from index.generate.selection import projections
from index.sources.open import open_source
from index.store.embeddings import chosen_embeddings, embeddings_path

CLASSES = ("arrow", "drop", "fish")


@pytest.fixture
def settings(stable_diffusion_folder: Path, tmp_path: Path) -> dict[str, Any]:
    Scenes(2, classes=CLASSES, seed=1).write_image_folder(tmp_path / "photos")
    return {
        "source": str(tmp_path / "photos"),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "num_inference_steps": 4,
        "resolution": 16,
        "store_resolution": 16,
        "preview": 0,
    }


def _tiles(images: Tensor) -> Tensor:
    """Mean colours of a 4 x 4 grid, ``(N, 48)``."""
    return torch.nn.functional.adaptive_avg_pool2d(images.float(), 4).flatten(1) + 1


def test_a_users_own_function_chooses_r(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("own_tiles")
    vars(module)["make"] = lambda: _tiles
    monkeypatch.setitem(sys.modules, "own_tiles", module)
    spec = "python:own_tiles:make"
    out = build(BuildConfig(**{**settings, "backbone": spec}, keep_sweep=True))
    assert Manifest.read(out).fingerprint["backbone"]["name"] == spec
    _assert_chosen_by(out, spec, settings)


def test_a_unisiam_checkpoint_chooses_r(settings: dict[str, Any], tmp_path: Path) -> None:
    state = ResNet(BasicBlock, [1, 1, 1, 1]).state_dict()
    encoder = {f"encoder.{key}": value for key, value in state.items() if "fc." not in key}
    torch.save({"model": encoder, "epoch": 400}, tmp_path / "unisiam.pth")
    spec = f"unisiam:resnet10:{tmp_path / 'unisiam.pth'}"
    out = build(BuildConfig(**{**settings, "backbone": spec}, keep_sweep=True, max_pairs=4))
    _assert_chosen_by(out, spec, settings)


def _assert_chosen_by(out: Path, spec: str, settings: dict[str, Any]) -> None:
    """Repeat Algorithm 1 on the images that were kept."""
    backbone, source = load_backbone(spec), open_source(settings["source"])
    index = EmbeddingIndex.load(out / "index")
    assert index.dimension == backbone.dimension
    bank = Bank.open(out, keep=None)
    for number, row in enumerate(bank):
        sweep = torch.stack([pil_to_tensor(image) for image in bank.sweep(number)])
        start = index.embedding(source.ids.index(row.source_id))
        d = projections(backbone(sweep), start, index.centroid(row.label))
        np.testing.assert_allclose(d, row.projections, atol=1e-3)
        best = 1 + int(np.abs(np.diff(d)).argmax())
        assert row.noise_ratio == pytest.approx(row.noise_ratios[best])


def test_the_bank_can_keep_an_approximate_index(settings: dict[str, Any]) -> None:
    out = build(BuildConfig(**settings, index_factory="HNSW8"))
    about = json.loads((out / "index" / "index.json").read_text())
    assert about["factory"] == "HNSW8"
    assert about["recall"] == {"at": 6, "queries": 6, "recall": 1.0}
    exact = build(BuildConfig(**{**settings, "out": out.with_name("exact")}))
    kept, flat = EmbeddingIndex.load(out / "index"), EmbeddingIndex.load(exact / "index")
    assert kept.embeddings().tobytes() == flat.embeddings().tobytes()
    rows, others = Bank.open(out, keep=None), Bank.open(exact, keep=None)
    assert [row.noise_ratio for row in rows] == [row.noise_ratio for row in others]


@pytest.mark.parametrize(
    ("factory", "message"),
    [("Flatt", "FAISS knows no index 'Flatt'"), ("IVF64,Flat", "6 images are too few")],
)
def test_indexes_that_cannot_be_are_refused_before_pairs_are_made(
    settings: dict[str, Any], factory: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(BuildConfig(**settings, index_factory=factory))
    assert not list(settings["out"].glob("data-*"))
    # What was embedded until the number of images was known stays, and another index takes it.
    assert len(Bank.open(build(BuildConfig(**settings, max_pairs=2)), keep=None)) == 2


def test_filters_say_what_each_clause_drops(settings: dict[str, Any]) -> None:
    out = build(BuildConfig(**settings))
    clauses = ["margin > 0", "~near_duplicate", "~blank", "~stale"]
    bank = Bank.open(out, keep=" & ".join(clauses))
    everything = Bank.open(out, keep=None)
    margins = everything.column("margin")
    assert (margins > 0).tolist() == everything.column("on_target").tolist()
    assert bank.kept.total == 12
    assert bank.kept.dropped["margin > 0"] == int((margins <= 0).sum())
    assert len(bank.kept.dropped) == 4
    assert bank.kept.rows == 12 - sum(bank.kept.dropped.values())
    chosen = chosen_embeddings(embeddings_path(out, 0), 12)
    labels, marks = everything.labels, everything.column("near_duplicate")
    for row in range(12):
        alike = (chosen[:row] @ chosen[row] >= 0.99) & (labels[:row] == labels[row])
        assert bool(marks[row]) == bool(alike.any())
