"""LiVT and CLIP with banks, on tiny networks of the same architecture and lists of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from benchmarks.long_tail.class_embeddings import embed_prompts
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool
from benchmarks.long_tail.livt import LivtConfig, livt_training
from benchmarks.long_tail.report import settings_of
from benchmarks.long_tail.run import main
from benchmarks.long_tail.vl_ltr import ClipConfig, clip_training
from benchmarks.training import make_network
from benchmarks.training.optimizers import make_optimizer
from genie_transforms import UserError
from index import BuildConfig, build_bank
from index.demo import CLASSES
from index.train.models import make_text_encoder, make_tokenizer

_TINY = ("img_size=32", "depth=2", "embed_dim=32", "num_heads=2")


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Scenes of a long tail as files and lists, and a bank with sweeps of its Few classes."""
    root = tmp_path_factory.mktemp("lists")
    config = LongTailConfig(largest=30, imbalance=10.0)
    tail = open_long_tail(config, *open_pool(config), seed=0)
    for split, data, rows in (
        ("train", tail.pool, tail.rows),
        ("test", tail.test, np.arange(0, len(tail.test), 10)),
    ):
        lines = []
        for row in rows.tolist():
            image, label = data[row]
            path = Path(split) / data.classes[label] / f"{row}.png"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(root / path)
            lines.append(f"{path} {label}\n")
        (root / f"{split}.txt").write_text("".join(lines))
    few = tuple(tail.pool.classes[label] for label in tail.few)
    build = BuildConfig(
        out=root / "bank", backbone="demo", only_classes=few, per_class=2, keep_sweep=True,
        num_inference_steps=3, device="cpu", dtype="float32", preview=0,
    )  # fmt: skip
    build_bank(build, tail.training_set)
    return {"root": root, "train_list": root / "train.txt", "test_list": root / "test.txt"}


def test_livt_fine_tunes_an_encoder_of_mae_with_a_bank_appended(
    lists: dict[str, Path], tmp_path: Path
) -> None:
    encoder = timm.create_model(
        "vit_base_patch16_224", num_classes=0, img_size=32, depth=2, embed_dim=32, num_heads=2
    )
    state = {key: 0.02 * torch.randn_like(value) for key, value in encoder.state_dict().items()}
    torch.save({"model": state | {"mask_token": torch.zeros(1, 1, 8)}}, tmp_path / "mae.pth")
    usual = livt_training()
    training = replace(
        usual, weights=str(tmp_path / "mae.pth"), model_settings=(*usual.model_settings, *_TINY),
        epochs=2.0, warmup_epochs=1.0, batch_size=16, passes=2, device="cpu", workers=0,
    )  # fmt: skip
    begun = make_network(training, 6).state_dict()
    body = [key for key in begun if not key.startswith(("head.", "fc_norm."))]
    assert all(torch.equal(begun[key], state[key]) for key in body)
    assert len(body) == len(state) - 2  # but the norm before pooling
    config = LivtConfig(
        **lists, size=32, bank=lists["root"] / "bank", per_class=3, work=tmp_path / "work",
        arms=("none", "resampled", "genie", "genie-ada"), training=training,
    )  # fmt: skip
    result = main(config)
    assert list(result["means"]) == list(config.arms)
    images = len((lists["train_list"]).read_text().splitlines())
    for entry in result["arms"]:
        saved = torch.load(
            config.work / "seed-0" / "arms" / entry["arm"] / "checkpoint.pt", weights_only=True
        )
        assert len(saved["losses"]) == round(2 * images / 16)
        assert not torch.equal(
            saved["network"]["blocks.0.attn.qkv.weight"], state["blocks.0.attn.qkv.weight"]
        )
    few = int((np.bincount(np.loadtxt(lists["train_list"], usecols=1, dtype=int)) < 20).sum())
    assert result["filled"] == {"genie": [few], "genie-ada": [few]}  # 2 of 3 are in the bank
    assert result["settings"]["training"]["weights"] == "mae.pth"


def test_livt_has_the_published_settings() -> None:
    training = livt_training()
    assert (training.learning_rate, training.batch_size, training.epochs) == (0.008, 1024, 100)
    # 12 blocks: the stem has 0.75^13 of the rate
    network = make_network(replace(training, model_settings=("img_size=32", "embed_dim=12")), 2)
    rates = {group["lr"] for group in make_optimizer(network, training).param_groups}
    assert min(rates) == pytest.approx(0.008 * 0.75**13)
    assert len(rates) == 14
    with pytest.raises(UserError, match=r"give --training\.weights, MAE's"):
        LivtConfig(train_list=Path("a"), test_list=Path("b"), model="m")
    with pytest.raises(UserError, match=r"and --text-encoder or --training\.head"):
        ClipConfig(train_list=Path("a"), test_list=Path("b"), model="m")


def _text_tower(folder: Path, width: int) -> Path:
    tokenizer = make_tokenizer(["a", "photo", "of", *CLASSES])
    settings = dict(make_text_encoder(tokenizer, width=16).config.to_dict(), projection_dim=width)
    CLIPTextModelWithProjection(CLIPTextConfig(**settings)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_clip_begins_at_the_names_of_the_classes(lists: dict[str, Path], tmp_path: Path) -> None:
    text = _text_tower(tmp_path / "text", 8)
    torch.save(
        timm.create_model("resnet50_clip", num_classes=8, img_size=64).state_dict(),
        tmp_path / "rn50.pt",
    )
    usual = clip_training()
    training = replace(
        usual, weights=str(tmp_path / "rn50.pt"), model_settings=("img_size=64",), epochs=0.0,
        warmup_epochs=0.0, num_steps=1, warmup_steps=0, batch_size=4, passes=1, device="cpu",
        workers=0, precision="float32",
    )  # fmt: skip
    config = ClipConfig(
        **lists, size=64, arms=("none",), work=tmp_path / "work", text_encoder=str(text),
        training=training,
    )  # fmt: skip
    result = main(config)
    assert result["settings"]["training"]["head"] == "class-embeddings.safetensors"
    assert settings_of(config)["training"]["head"] == "class-embeddings.safetensors"  # to pool it
    pool, _ = open_pool(config)
    prompts = [f"a photo of a {name}" for name in pool.classes]
    assert [name.display for name in pool.names] == pool.classes
    embedded = embed_prompts(str(text), prompts)
    head = tmp_path / "work" / "class-embeddings.safetensors"
    network = make_network(replace(training, head=str(head)), len(prompts))
    unit = torch.nn.functional.normalize(embedded, dim=1)
    torch.testing.assert_close(network.state_dict()["classes"], unit)
    assert len(set(map(tuple, unit.tolist()))) == len(prompts)  # one for each class
    with pytest.raises(UserError, match=r"--text-encoder .* cannot be opened"):
        embed_prompts(str(tmp_path / "none"), prompts)
