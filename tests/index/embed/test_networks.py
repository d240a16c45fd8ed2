"""Networks with random weights: opened from files as a user has them."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL.Image import Resampling
from safetensors.torch import save_file
from torch import Tensor
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.transforms.v2 import functional as VF

from genie_transforms import MissingPackageError, UserError
from index.embed.backbone import load_backbone
from index.embed.networks import about_transforms, torchvision_model, without_head

from .checks import check_embeddings


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
    embedded = check_embeddings(f"torchvision:resnet18:{path}", images, 512)
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        own = model(models.ResNet18_Weights.DEFAULT.transforms()(images)).numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(embedded, own, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.encoder.", "model.backbone."])
@pytest.mark.parametrize("classes", [0, 10, 1000])
def test_a_checkpoint_with_another_head_inside_something(
    tmp_path: Path, images: Tensor, prefix: str, classes: int
) -> None:
    torch.manual_seed(3)
    model = models.resnet18(weights=None)
    torch.save(model.state_dict(), tmp_path / "plain.pt")
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("fc.")}
    if classes:
        state |= {"fc.weight": torch.ones(classes, 512), "fc.bias": torch.ones(classes)}
    state = {f"{prefix}{key}": value for key, value in state.items()}
    # What was trained beside the network, as self-supervised methods do.
    outer = prefix.partition(".")[0]
    beside = {f"{outer}.predictor.weight": torch.ones(2, 2)} if prefix.count(".") == 2 else {}
    torch.save({"state_dict": state | beside, "epoch": 3}, tmp_path / "wrapped.pt")
    plain = load_backbone(f"torchvision:resnet18:{tmp_path / 'plain.pt'}")
    wrapped = load_backbone(f"torchvision:resnet18:{tmp_path / 'wrapped.pt'}")
    np.testing.assert_array_equal(wrapped(images), plain(images))
    weights = "weights_sha256"  # the head, which is random where it is left out, does not count
    assert wrapped.fingerprint()[weights] == plain.fingerprint()[weights]


@pytest.mark.parametrize("name", ["mnasnet0_5", "mobilenet_v3_small"])
def test_checkpoints_of_models_with_a_version(tmp_path: Path, images: Tensor, name: str) -> None:
    torch.save(models.get_model(name, weights=None).state_dict(), tmp_path / "weights.pt")
    assert load_backbone(f"torchvision:{name}:{tmp_path / 'weights.pt'}")(images).shape[0] == 3


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_checkpoints_see_images_as_the_default_weights_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save(models.get_model(name, weights=None, init_weights=False).state_dict(), path)
    model, _ = torchvision_model(f"{name}:{path}", head=True)
    assert model.transform_input  # torchvision sets it with weights of its own
    weights = models.get_model_weights(name).DEFAULT
    own, other = (about_transforms(spec, weights) for spec in (name, f"{name}:{path}"))
    assert own == repr(weights.transforms())  # banks are keyed by it
    assert other == f"{own}, transform_input"


@pytest.mark.parametrize("content", [b"", b"neither", b"PK\x03\x04" + b"x" * 50])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"weights{suffix}") as refused:
        load_backbone(f"torchvision:resnet18:{path}")
    assert len(str(refused.value).splitlines()) == 1


def test_torchvision_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no classifier 'resnet19'"):
        load_backbone("torchvision:resnet19")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at nowhere\.pt"):
        load_backbone("torchvision:resnet18:nowhere.pt")
    torch.save(_resnet10().state_dict(), tmp_path / "r10.pt")
    with pytest.raises(ValueError, match=r"not fit ResNet: Missing .*layer1\.1\.conv1\.weight"):
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
    embedded = check_embeddings(f"unisiam:resnet10:{path}", images, 512)
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
    with pytest.raises(ValueError, match=r'Missing .*: "layer3\.0\.conv2\.weight"\.$'):
        load_backbone(f"unisiam:resnet10:{path}")
    torch.save(_unisiam_state("encoder."), path)
    with pytest.raises(ValueError, match=r"Missing key.*layer1\.1\.conv1\.weight"):
        load_backbone(f"unisiam:resnet18:{path}")
    with pytest.raises(ValueError, match=r"unisiam:resnet10\|resnet18\|resnet34\|resnet50"):
        load_backbone("unisiam:resnet101:x")
    with pytest.raises(ValueError, match="got unisiam:resnet18"):
        load_backbone("unisiam:resnet18")


def test_unisiam_checkpoint_that_names_its_resolution(tmp_path: Path, images: Tensor) -> None:
    state = _unisiam_state("encoder.")
    torch.save({"model": state}, tmp_path / "published.pth")
    torch.save({"model": state, "resolution": 32, "command": "train"}, tmp_path / "own.pth")
    embedded = check_embeddings(f"unisiam:resnet10:{tmp_path / 'own.pth'}", images, 512)

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


# --- timm ---


def test_timm_checkpoint(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(4)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=7)
    torch.save(model.state_dict(), tmp_path / "timm.pt")
    embedded = check_embeddings(f"timm:resnet10t:{tmp_path / 'timm.pt'}", images, 512)
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


def test_timm_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackageError, match="pip install timm"):
        load_backbone("timm:resnet10t")
