"""Classifiers of every kind, small and with random weights, give what they give by themselves."""

from __future__ import annotations

import hashlib
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from genie_transforms import MissingFileError, UserError
from index.demo import CLASSES, Scenes
from index.judge import open_judge
from index.judge.saved import SavedJudge, make_network, save_judge
from index.judge.zero_shot import open_zero_shot
from index.train import make_tokenizer

BANK = ["cat", "red fox"]
SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
}  # fmt: skip
VISION = {**SMALL, "image_size": 32, "patch_size": 8}
SQUARE = {"height": 32, "width": 32}


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 40, 40), generator=torch.Generator().manual_seed(0)).byte()


def test_the_demo_s_oracle_knows_the_demo() -> None:
    scenes = Scenes(2, CLASSES, 2**20)
    shares = open_judge("demo", BANK)(scenes.pixels(slice(None)))
    assert (shares.argmax(1) == scenes.targets).mean() > 0.9
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)


def test_torchvision_with_a_checkpoint(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(0)
    model = models.squeezenet1_1().eval()
    path = tmp_path / "squeezenet.safetensors"
    save_file(model.state_dict(), path)
    judge = open_judge(f"torchvision:squeezenet1_1:{path}", BANK)
    pixels = models.SqueezeNet1_1_Weights.DEFAULT.transforms()(images)
    with torch.inference_mode():
        expected = model(pixels).softmax(1)
    np.testing.assert_allclose(judge(images), expected, atol=1e-6)
    assert ("tench",) in judge.classes
    assert judge.spec == "torchvision:squeezenet1_1:squeezenet.safetensors"
    assert str(tmp_path) not in json.dumps(judge.about)
    save_file(models.squeezenet1_1(num_classes=5).state_dict(), path)
    with pytest.raises(UserError, match="does not fit"):
        open_judge(f"torchvision:squeezenet1_1:{path}", BANK)


def test_timm_knows_imagenet_s_names(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(0)
    model = timm.create_model("test_resnet.r160_in1k", pretrained=False).eval()
    path = tmp_path / "weights.safetensors"
    save_file(model.state_dict(), path)
    judge = open_judge(f"timm:test_resnet.r160_in1k:{path}", BANK)
    assert judge(images).shape == (3, 1000)
    assert {"tench", "n01440764"} <= set(judge.classes[0])


def test_transformers_classifiers(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(0)
    labels = {0: "tabby, tabby cat", 1: "red_fox"}
    config = transformers.ViTConfig(
        **VISION, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    model = transformers.ViTForImageClassification(config).eval()
    processor = transformers.ViTImageProcessor(size=SQUARE)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    judge = open_judge(f"transformers:{tmp_path}", BANK)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = model(pixels).logits.softmax(1)
    np.testing.assert_allclose(judge(images), expected, atol=1e-6)
    assert judge.classes == [("tabby, tabby cat", "tabby", "tabby cat"), ("red_fox",)]

    model.vit.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"lacks 2 weights: \['classifier"):
        open_judge(f"transformers:{tmp_path}", BANK)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_zero_shot_is_the_cosine_with_the_texts(tmp_path: Path, images: Tensor, kind: str) -> None:
    torch.manual_seed(0)
    tokenizer = make_tokenizer(["photo", "cat", "fox", "red"])
    text = {**SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 24}
    if kind == "clip":
        text |= {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=12)
        model = transformers.CLIPModel(config).eval()
        processor = transformers.CLIPImageProcessor(size={"shortest_edge": 36}, crop_size=SQUARE)
    else:
        config = transformers.SiglipConfig(text_config=text, vision_config=VISION)
        model = transformers.SiglipModel(config).eval()
        processor = transformers.SiglipImageProcessor(size=SQUARE)
    for part in (model, processor, tokenizer):
        part.save_pretrained(tmp_path)
    prompts = ["a photo of a cat", "a photo of a red fox"]
    judge = open_judge(f"clip:{tmp_path}", BANK, prompts)
    siglip = {"padding": "max_length", "max_length": 24}
    padding = siglip if kind == "siglip" else {"padding": True}
    tokens = tokenizer(prompts, return_tensors="pt", **padding)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = model(**tokens, pixel_values=pixels).logits_per_image.softmax(1)
    np.testing.assert_allclose(judge(images), expected, atol=1e-5)
    assert judge.classes == [("cat",), ("red fox",)]
    other = open_judge(f"clip:{tmp_path}", BANK, prompts[::-1])
    assert other.about != judge.about
    with pytest.raises(UserError, match="more than the 24 tokens"):
        open_zero_shot(str(tmp_path), ["cat " * 40])


def test_a_folder_of_your_own(tmp_path: Path, images: Tensor) -> None:
    torch.manual_seed(0)
    about = SavedJudge("resnet10", BANK, 36, 32, [0.5] * 3, [0.25] * 3)
    network = make_network(about).eval()
    save_judge(tmp_path / "judge", network, about)
    judge = open_judge(f"folder:{tmp_path / 'judge'}", BANK)
    small = F.interpolate(images[:, :, 2:38, 2:38].float(), 36)[:, :, 2:34, 2:34]
    whole = images.new_zeros(1, 3, 36, 36)
    whole[:, :, 2:34, 2:34] = small[:1].byte()
    with torch.inference_mode():
        expected = network((whole[:, :, 2:34, 2:34] / 255 - 0.5) / 0.25).softmax(1)
    np.testing.assert_allclose(judge(whole), expected, atol=1e-6)
    assert judge.spec == "folder:judge"

    with pytest.raises(UserError, match="does not fit"):
        save_judge(tmp_path / "other", nn.Linear(2, 2), about)
    for change, match in (
        ({"architecture": "resnet11"}, "unknown architecture 'resnet11'"),
        ({"weights": "../x.safetensors"}, "must be a file beside it"),
        ({"crop": "x"}, "damaged"), ({"classes": []}, "damaged"), ({"more": 1}, "damaged"),
    ):  # fmt: skip
        path = tmp_path / "judge" / "judge.json"
        said = path.read_text()
        path.write_text(json.dumps({**json.loads(said), **change}))
        with pytest.raises(UserError, match=match):
            open_judge(f"folder:{path.parent}", BANK)
        path.write_text(said)


class Brightness(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        bright = images.float().mean((1, 2, 3)) / 255
        return torch.stack([bright, 1 - bright], 1)


def test_your_own_function(monkeypatch: pytest.MonkeyPatch, images: Tensor) -> None:
    def brightness(images: Tensor) -> Tensor:
        bright = images.float().mean((1, 2, 3)) / 255
        return torch.stack([bright, 1 - bright], 1)

    module = types.ModuleType("own_judge")
    vars(module).update(
        make=lambda: (brightness, ["light", "dark"]), three=lambda: (brightness, "abc"),
        module=lambda: (Brightness(), ["light", "dark"]),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "own_judge", module)
    judge = open_judge("python:own_judge:make", BANK)
    np.testing.assert_allclose(judge(images), brightness(images).softmax(1), atol=1e-6)
    # Both are in this file, and known by it.
    here = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    assert judge.about["source_sha256"] == here
    about = open_judge("python:own_judge:module", BANK).about
    assert about["source_sha256"] == hashlib.sha256(here.encode()).hexdigest()
    with pytest.raises(UserError, match=r"returned \(3, 2\) for 3 images and 3 classes"):
        open_judge("python:own_judge:three", BANK)(images)


@pytest.mark.parametrize(
    "spec", ["", "nothing", "clip:", "demo:x", "torchvision:nothing", "python:a"]
)
def test_what_is_no_classifier(spec: str) -> None:
    with pytest.raises(UserError):
        open_judge(spec, BANK)
    with pytest.raises(MissingFileError, match=r"judge\.json"):
        open_judge("folder:nowhere", BANK)
