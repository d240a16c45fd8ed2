"""Models of `transformers` with random weights, opened from folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from index.embed.backbone import load_backbone
from index.embed.checkpoints import read_state

from .checks import check_embeddings

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 32,
    "patch_size": 8,
}


def _vit_size() -> dict[str, int]:
    return {"height": 32, "width": 32}


def _save(folder: Path, model: Any, processor: Any) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _make(kind: str) -> tuple[Any, Any]:
    torch.manual_seed(2)
    square = {"size": _vit_size()}
    cropped = {"size": {"shortest_edge": 36}, "crop_size": _vit_size()}
    t = transformers
    if kind == "vit":
        return t.ViTModel(t.ViTConfig(**SMALL)), t.ViTImageProcessor(**square)
    if kind == "vit-classifier":  # has no pooler: ViTModel makes a random one, which is not used
        return t.ViTForImageClassification(t.ViTConfig(**SMALL)), t.ViTImageProcessor(**square)
    if kind == "mae":
        return t.ViTMAEModel(t.ViTMAEConfig(**SMALL)), t.ViTImageProcessor(**square)
    if kind == "dinov2":
        return t.Dinov2Model(t.Dinov2Config(**SMALL)), t.BitImageProcessor(**cropped)
    if kind == "clip-vision":
        return t.CLIPVisionModel(t.CLIPVisionConfig(**SMALL)), t.CLIPImageProcessor(**cropped)
    if kind == "siglip-vision":
        return t.SiglipVisionModel(t.SiglipVisionConfig(**SMALL)), t.SiglipImageProcessor(**square)
    if kind == "clip":
        text = {k: v for k, v in SMALL.items() if k not in ("image_size", "patch_size")}
        config = t.CLIPConfig(
            text_config={**text, "vocab_size": 10}, vision_config=SMALL, projection_dim=12
        )
        return t.CLIPModel(config), t.CLIPImageProcessor(**cropped)
    config = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    return t.ResNetModel(config), t.ConvNextImageProcessor(size={"shortest_edge": 32})


@pytest.mark.parametrize(
    ("kind", "dimension"),
    [
        ("vit", 16),
        ("vit-classifier", 16),
        ("mae", 16),
        ("dinov2", 16),
        ("clip-vision", 16),
        ("siglip-vision", 16),
        ("clip", 12),
        ("resnet", 16),
    ],
)
def test_transformers_models(tmp_path: Path, images: Tensor, kind: str, dimension: int) -> None:
    model, processor = _make(kind)
    _save(tmp_path, model, processor)
    embedded = check_embeddings(f"transformers:{tmp_path}", images, dimension)

    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        if kind == "clip":
            own = model.eval().get_image_features(pixel_values=pixels).pooler_output
        elif kind == "mae":
            return  # its own call hides patches at random
        elif kind == "vit-classifier":
            own = model.eval().vit(pixel_values=pixels).last_hidden_state[:, 0]
        elif kind == "vit":
            own = model.eval()(pixel_values=pixels).last_hidden_state[:, 0]
        else:
            own = model.eval()(pixel_values=pixels).pooler_output.flatten(1)
    own = torch.nn.functional.normalize(own, dim=1).numpy()
    np.testing.assert_allclose(embedded, own, atol=1e-5)


def test_incomplete_transformers_models_are_refused(tmp_path: Path) -> None:
    _save(tmp_path, *_make("dinov2"))
    path = tmp_path / "model.safetensors"
    state = read_state(path)
    del state["layernorm.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights: \['layernorm\.weight'\]"):
        load_backbone(f"transformers:{tmp_path}")
    with pytest.raises(FileNotFoundError, match="cannot open transformers:"):
        load_backbone(f"transformers:{tmp_path / 'nowhere'}")
