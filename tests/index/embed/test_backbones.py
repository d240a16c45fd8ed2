"""Real networks with random weights: opened from files as a user has them."""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL.Image import Resampling
from safetensors.torch import save_file
from torch import Tensor
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.transforms.v2 import functional as VF

from index.embed.backbone import load_backbone
from index.embed.checkpoints import load_exactly, read_state
from index.embed.networks import without_head

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 32,
    "patch_size": 8,
}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def images() -> Tensor:
    rng = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (3, 3, 40, 50), dtype=torch.uint8, generator=rng)


def _embeds(spec: str, images: Tensor, dimension: int) -> np.ndarray:
    """Check what holds of every backbone, and give the embeddings."""
    backbone = load_backbone(spec)
    embedded = backbone(images)
    assert embedded.shape == (3, dimension)
    assert backbone.dimension == dimension
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(backbone(images[1:2]), embedded[1:2], atol=1e-4)
    assert np.abs(embedded[0] - embedded[1]).max() > 1e-4
    assert load_backbone(spec).fingerprint() == backbone.fingerprint()
    return embedded


def _resnet10() -> ResNet:
    torch.manual_seed(7)
    return ResNet(BasicBlock, [1, 1, 1, 1])


# --- torchvision ---


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("resnet18", 512),
        ("mobilenet_v3_small", 576),
        ("vit_b_16", 768),
        ("alexnet", 256),
        ("vgg11", 512),
        ("squeezenet1_1", 512),
        ("densenet121", 1024),
        ("efficientnet_b0", 1280),
        ("convnext_tiny", 768),
        ("mnasnet0_5", 1280),
        ("shufflenet_v2_x0_5", 1024),
        ("swin_t", 768),
        ("maxvit_t", 512),
    ],
)
def test_torchvision_models_end_with_their_pooled_features(name: str, dimension: int) -> None:
    with torch.device("meta"):  # shapes alone, without the arithmetic
        model = without_head(models.get_model(name, weights=None)).eval()
        assert model(torch.zeros(2, 3, 224, 224)).shape == (2, dimension)


def test_a_model_without_a_known_head_is_refused() -> None:
    with pytest.raises(ValueError, match="Conv2d has no fc"):
        without_head(torch.nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_torchvision_checkpoint(tmp_path: Path, images: Tensor, suffix: str) -> None:
    torch.manual_seed(3)
    model = models.resnet18(weights=None).eval()
    path = tmp_path / f"weights{suffix}"
    state = model.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    embedded = _embeds(f"torchvision:resnet18:{path}", images, 512)
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        own = model(models.ResNet18_Weights.DEFAULT.transforms()(images)).numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(embedded, own, atol=1e-5)


def test_torchvision_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no classifier 'resnet19'"):
        load_backbone("torchvision:resnet19")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at nowhere\.pt"):
        load_backbone("torchvision:resnet18:nowhere.pt")
    torch.save(_resnet10().state_dict(), tmp_path / "r10.pt")
    with pytest.raises(ValueError, match=r"does not fit ResNet: it lacks layer1\.1\.conv1\.weight"):
        load_backbone(f"torchvision:resnet18:{tmp_path / 'r10.pt'}")


# --- UniSiam ---


def _unisiam_state(prefix: str) -> dict[str, Tensor]:
    state = {f"{prefix}{k}": v for k, v in _resnet10().state_dict().items() if "fc." not in k}
    heads = ("proj.0.weight", "pred.0.weight", "pred_dist.0.weight")
    return {**state, **{head: torch.ones(2, 2) for head in heads}}


@pytest.mark.parametrize("prefix", ["encoder.", "encoder.module.", "module.encoder."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_unisiam_checkpoint(tmp_path: Path, images: Tensor, prefix: str, wrapped: bool) -> None:
    state = _unisiam_state(prefix)
    path = tmp_path / "unisiam.pth"
    torch.save({"model": state, "epoch": 400} if wrapped else state, path)
    embedded = _embeds(f"unisiam:resnet10:{path}", images, 512)
    model = _resnet10().eval()
    model.fc = torch.nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():  # 256 and 224, too; but v1 resizes in float: one level off here, there
        pixels = models.ResNet18_Weights.IMAGENET1K_V1.transforms()(images)
        own = model(pixels).numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(embedded, own, atol=1e-3)


def test_unisiam_checkpoints_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "unisiam.pth"
    torch.save(_unisiam_state("backbone."), path)
    with pytest.raises(ValueError, match=r"must start with encoder\. .* backbone\.conv1\.weight"):
        load_backbone(f"unisiam:resnet10:{path}")
    state = _unisiam_state("encoder.")
    del state["encoder.layer3.0.conv2.weight"]
    torch.save({"model": state}, path)
    with pytest.raises(ValueError, match=r"it lacks layer3\.0\.conv2\.weight \(1\)"):
        load_backbone(f"unisiam:resnet10:{path}")
    torch.save(_unisiam_state("encoder."), path)
    with pytest.raises(ValueError, match=r"it lacks layer1\.1\.conv1\.weight"):
        load_backbone(f"unisiam:resnet18:{path}")
    with pytest.raises(ValueError, match=r"unisiam:resnet10\|resnet18\|resnet34\|resnet50"):
        load_backbone("unisiam:resnet101:x")
    with pytest.raises(ValueError, match="got unisiam:resnet18"):
        load_backbone("unisiam:resnet18")


def test_unisiam_checkpoint_that_names_its_resolution(tmp_path: Path, images: Tensor) -> None:
    state = _unisiam_state("encoder.")
    torch.save({"model": state}, tmp_path / "published.pth")
    torch.save({"model": state, "resolution": 32, "command": "train"}, tmp_path / "own.pth")
    embedded = _embeds(f"unisiam:resnet10:{tmp_path / 'own.pth'}", images, 512)

    model = _resnet10().eval()
    model.fc = torch.nn.Identity()  # type: ignore[assignment]
    # By hand: the shorter side of 40 x 50 becomes 32, and of 40 columns the middle 32 are left.
    resized = np.stack(
        [VF.to_pil_image(image).resize((40, 32), Resampling.BILINEAR) for image in images]
    )
    pixels = torch.from_numpy(resized[:, :, 4:36]).permute(0, 3, 1, 2) / 255
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        own = model((pixels - mean) / std).numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(embedded, own, atol=2e-3)  # Pillow rounds some levels differently

    prints = [
        load_backbone(f"unisiam:resnet10:{tmp_path / name}.pth").fingerprint()
        for name in ("published", "own")
    ]
    assert prints[0]["weights_sha256"] == prints[1]["weights_sha256"]
    assert "256" in prints[0]["preprocessing"]
    assert "224" in prints[0]["preprocessing"]
    assert "32" in prints[1]["preprocessing"]
    assert "224" not in prints[1]["preprocessing"].split("Normalize")[0]


@pytest.mark.parametrize("resolution", ["64", 64.0, 0, True, [64, 64]])
def test_unisiam_checkpoint_with_a_bad_resolution(tmp_path: Path, resolution: Any) -> None:
    path = tmp_path / "own.pth"
    torch.save({"model": _unisiam_state("encoder."), "resolution": resolution}, path)
    named = re.escape(f"{path}: resolution must be a whole number of pixels")
    with pytest.raises(ValueError, match=f"{named}.* got {re.escape(repr(resolution))}"):
        load_backbone(f"unisiam:resnet10:{path}")


# --- transformers ---


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
    embedded = _embeds(f"transformers:{tmp_path}", images, dimension)

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


# --- timm ---


def test_timm_checkpoint(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(4)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=7)
    torch.save(model.state_dict(), tmp_path / "timm.pt")
    embedded = _embeds(f"timm:resnet10t:{tmp_path / 'timm.pt'}", images, 512)
    with torch.no_grad():
        assert (
            embedded.shape
            == model.eval()
            .forward_head(model.forward_features(torch.zeros(3, 3, 64, 64)), pre_logits=True)
            .shape
        )


def test_unknown_timm_model() -> None:
    with pytest.raises(ValueError, match="timm:resnet0"):
        load_backbone("timm:resnet0")


# --- checkpoints ---


class Settings:
    """Something that only pickle can restore."""


def test_checkpoints_that_could_run_code_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"model": {"w": torch.ones(1)}, "args": Settings()}, path)
    with pytest.raises(ValueError, match="holds more than tensors, and is not opened"):
        read_state(path)
    path.write_bytes(pickle.dumps(Settings(), protocol=2))
    with pytest.raises(ValueError, match="not opened"):
        read_state(path)


def test_checkpoints_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "empty.pt"
    torch.save({"epoch": 3}, path)
    with pytest.raises(ValueError, match=r"holds no tensors; its keys are \['epoch'\]"):
        read_state(path)
    torch.save([torch.ones(1)], path)
    with pytest.raises(ValueError, match="holds a list, not a state dict"):
        read_state(path)


def test_all_that_does_not_fit_is_named() -> None:
    model = torch.nn.Linear(2, 3)
    with pytest.raises(
        ValueError,
        match=r"f\.pt does not fit Linear: it lacks bias \(1\); it has more than the model: "
        r"extra \(1\); it has other shapes for weight \(1\)",
    ):
        load_exactly(model, {"weight": torch.ones(1), "extra": torch.ones(1)}, "f.pt")
