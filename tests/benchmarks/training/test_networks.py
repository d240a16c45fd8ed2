"""Networks by name, and checkpoints that they begin with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.training import TrainingConfig, make_network
from benchmarks.training.cosine import CosineClassifier
from genie_transforms import MissingFileError, UserError


def _network(model: str, classes: int, weights: Path | str = "", *more: str) -> nn.Module:
    config = TrainingConfig(model=model, weights=str(weights), model_settings=more)
    return make_network(config, classes)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        # By hand: stem 3*16*9 + 32, then 16-16, 16-32, 32-64, 64-128 blocks, head 128*5 + 5
        ("resnet10", 464 + 4672 + 14528 + 57728 + 230144 + 645),
        # He et al., 2016: 0.27 M and 0.46 M, with projections where the width doubles
        ("resnet20", 274_293 - 175),
        ("resnet32", 468_725 - 175),
    ],
)
def test_small_networks_have_their_published_size(model: str, parameters: int) -> None:
    network = make_network(TrainingConfig(model=model), 5)
    count = sum(value.numel() for value in network.parameters())
    assert count == pytest.approx(parameters, rel=0.02)
    assert network(torch.zeros(2, 3, 28, 28)).shape == (2, 5)


def test_a_checkpoint_of_other_classes_gives_all_but_the_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = _network("torchvision:squeezenet1_1", 4)
    path = tmp_path / "old.pt"
    torch.save({"model": old.state_dict()}, path)
    new = _network("torchvision:squeezenet1_1", 6, path)
    assert torch.equal(new.state_dict()["features.0.weight"], old.state_dict()["features.0.weight"])
    assert new.state_dict()["classifier.1.bias"].shape == (6,)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown model 'resnet11'; choose resnet10"):
        _network("resnet11", 3)
    with pytest.raises(MissingFileError, match=r"no checkpoint at .*none\.pt"):
        _network("resnet10", 3, tmp_path / "none.pt")
    torch.save(_network("resnet20", 3).state_dict(), tmp_path / "other.pt")
    with pytest.raises(UserError, match="does not fit SmallImageResNet"):
        _network("resnet10", 3, tmp_path / "other.pt")


_VIT = ("img_size=32", "depth=2", "global_pool=avg")


def test_an_encoder_of_mae_gives_all_but_the_last_norm_and_the_head(tmp_path: Path) -> None:
    # MAE's own file: under "model", a norm before pooling, no head; and its decoder.
    old = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=0)
    state = {key: torch.randn_like(value) for key, value in old.state_dict().items()}
    decoder = {"mask_token": torch.ones(1, 1, 8), "decoder_blocks.0.norm1.bias": torch.ones(8)}
    path = tmp_path / "mae.pth"
    torch.save({"model": state | decoder}, path)
    torch.manual_seed(1)
    fresh = _network("timm:vit_tiny_patch16_224", 5, "", *_VIT).state_dict()
    torch.manual_seed(1)
    found = _network("timm:vit_tiny_patch16_224", 5, path, *_VIT).state_dict()
    for key, value in found.items():
        expected = fresh if key.startswith(("head.", "fc_norm.")) else state
        assert torch.equal(value, expected[key]), key
    # With the class token, whose norm comes before it, that of the file is used.
    found = _network("timm:vit_tiny_patch16_224", 5, path, *_VIT[:2]).state_dict()
    assert torch.equal(found["norm.weight"], state["norm.weight"])
    # A larger image has more positions: they are interpolated.
    larger = _network("timm:vit_tiny_patch16_224", 5, path, "img_size=64", *_VIT[1:])
    assert larger(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


def test_a_body_that_lacks_a_layer_is_refused(tmp_path: Path) -> None:
    state = _network("timm:vit_tiny_patch16_224", 5, "", *_VIT).state_dict()
    del state["blocks.1.attn.qkv.weight"]
    torch.save({"model": state}, tmp_path / "cut.pth")
    with pytest.raises(UserError, match=r"blocks\.1\.attn\.qkv\.weight"):
        _network("timm:vit_tiny_patch16_224", 5, tmp_path / "cut.pth", *_VIT)


def test_a_finished_head_of_the_same_shape_is_used_and_a_small_one_is_small(
    tmp_path: Path,
) -> None:
    old = _network("timm:vit_tiny_patch16_224", 5, "", *_VIT)
    path = tmp_path / "tuned.pth"
    torch.save({f"module.{key}": value for key, value in old.state_dict().items()}, path)
    found = _network("timm:vit_tiny_patch16_224", 5, path, *_VIT)
    assert torch.equal(found.state_dict()["head.weight"], old.state_dict()["head.weight"])
    settings = TrainingConfig(
        model="timm:vit_tiny_patch16_224", model_settings=_VIT, weights=str(path), head="small"
    )
    head = make_network(settings, 5).state_dict()["head.weight"]
    assert 1e-5 < head.std() < 3e-5


def _openai(key: str) -> str:
    """Return the name that OpenAI's RN50 has for a weight of timm's resnet50_clip."""
    for pattern, name in (
        (r"stem\.conv(\d)\.conv", r"conv\1"),
        (r"stem\.conv(\d)\.bn", r"bn\1"),
        (r"stages\.(\d)\.(\d)\.conv(\d)_\w+\.(conv|bn)", r"stage\1.\2.\4\3"),
        (r"stages\.(\d)\.(\d)\.shortcut\.conv\.conv", r"stage\1.\2.downsample.0"),
        (r"stages\.(\d)\.(\d)\.shortcut\.conv\.bn", r"stage\1.\2.downsample.1"),
        (r"head\.pos_embed", "attnpool.positional_embedding"),
        (r"head\.proj", "attnpool.c_proj"),
        (r"head\.([qkv])", r"attnpool.\1_proj"),
    ):
        key = re.sub(pattern, name, key)
    return re.sub(r"stage(\d)", lambda found: f"layer{int(found[1]) + 1}", key)


def test_class_embeddings_make_a_zero_shot_classifier_of_an_image_tower(tmp_path: Path) -> None:
    tower = timm.create_model("resnet50_clip", num_classes=6).eval()
    torch.save(tower.state_dict(), tmp_path / "tower.pt")
    texts = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    np.save(tmp_path / "texts.npy", texts)
    config = TrainingConfig(
        model="timm:resnet50_clip",
        weights=str(tmp_path / "tower.pt"),
        head=str(tmp_path / "texts.npy"),
    )
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        found = make_network(config, 4).eval()(images)
        seen = tower(images)
    expected = 100 * F.cosine_similarity(seen[:, None], torch.from_numpy(texts)[None], dim=2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)
    # Under autocast the head stays in float32: bfloat16 would round logits of 100 to a half.
    body = nn.Flatten()
    with torch.autocast("cpu", torch.bfloat16):
        exact = CosineClassifier(body, torch.tensor([[1.0, 0.001]]))(torch.tensor([[1.0, 0.1]]))
    cosine = 1.0001 / (1 + 1e-6) ** 0.5 / 1.01**0.5
    assert exact.item() == pytest.approx(100 * cosine, rel=1e-5)
    # OpenAI's own file has other names, and the text tower beside.
    openai = {f"visual.{_openai(key)}": value.half() for key, value in tower.state_dict().items()}
    torch.save(openai | {"logit_scale": torch.ones(())}, tmp_path / "tower.pt")
    converted = make_network(config, 4).state_dict()
    for key, value in tower.state_dict().items():
        assert torch.equal(converted[f"body.{key}"], value.half().to(value.dtype)), key
    with pytest.raises(UserError, match=r"must hold one array of 5 rows, but has \[\(4, 6\)\]"):
        make_network(config, 5)


def test_a_linear_classifier_takes_features() -> None:
    linear = _network("linear", 5, "", "in_features=256")
    assert linear(torch.zeros(2, 256)).shape == (2, 5)
