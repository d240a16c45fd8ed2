"""The demo's architectures and training loop."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from genie_transforms import UserError
from index.demo import PIPELINE
from index.demo.scenes import CLASSES, COLORS, TEXTURES
from index.train import StageConfig
from index.train.fitting import FitSettings, fit
from index.train.models import (
    MAX_TOKENS,
    VAE_CHANNELS,
    make_scheduler,
    make_tokenizer,
    make_vae,
    save_vocabulary,
    shifted_betas,
)


def test_each_known_word_is_one_token_also_after_a_round_trip(tmp_path: Path) -> None:
    words = ["a", "photo", "of", *CLASSES, *COLORS, *TEXTURES]
    made = make_tokenizer(words)
    made.save_pretrained(tmp_path)
    save_vocabulary(made, tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"vocab.json", "merges.txt"} <= files.keys()
    assert "tokenizer.json" not in files
    made.save_pretrained(tmp_path)
    save_vocabulary(made, tmp_path)  # a training that was started again: the same model
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path)
    assert tokenizer.model_max_length == MAX_TOKENS
    assert tokenizer.tokenize("A photo of a Star") == [
        "a</w>",
        "photo</w>",
        "of</w>",
        "a</w>",
        "star</w>",
    ]
    assert [len(tokenizer.tokenize(word)) for word in words] == [1] * len(words)
    assert len(tokenizer.tokenize("zebra")) > 1  # spelled out, not unknown


def test_the_demos_tokens_are_the_same_with_every_version_of_transformers() -> None:
    tokenizer = CLIPTokenizer.from_pretrained(PIPELINE / "tokenizer")
    tokens = [203, 40, 160, 150, 40, 169, 184, 151, 6, 17, 143, 77, 25, 65, 204, 204]
    assert tokenizer("A photo of a red star on Grass, zz!")["input_ids"] == tokens
    padded = tokenizer("a", padding="max_length", truncation=True)["input_ids"]
    assert padded == [203, 40] + [204] * 22


def test_schedule_is_shifted_in_the_middle_and_ends_as_stable_diffusions() -> None:
    original = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    clean = (1 - original).cumprod(0)
    ours = (1 - shifted_betas(3.3).double()).cumprod(0)
    shift = torch.logit(ours) - torch.logit(clean)
    assert shift[500].item() == pytest.approx(3.3 * (1 - 0.501**8), abs=1e-2)
    assert shift[-1].item() == pytest.approx(0, abs=1e-2)
    assert (ours.diff() < 0).all()
    assert ours[-1] < 0.005


def test_scheduler_is_the_papers_sampler() -> None:
    scheduler = make_scheduler()
    scheduler.set_timesteps(50)
    assert scheduler.timesteps[[0, 1, -1]].tolist() == [999, 979, 20]


def _fit(folder: Path, num_steps: int, stop_after: int | None = None) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    seen = 0

    def loss(rng: torch.Generator, progress: float) -> Tensor:
        nonlocal seen
        if seen == stop_after:
            raise KeyboardInterrupt
        seen += 1
        x = torch.randn(8, 3, generator=rng)
        return (model(x) - x.sum(1, keepdim=True)).square().mean()

    fit(
        "linear",
        nn.ModuleDict({"model": model}),
        loss,
        FitSettings(
            num_steps=num_steps,
            learning_rate=0.05,
            folder=folder,
            seed=1,
            ema_decay=0.9,
            checkpoint_every=5,
        ),
    )
    return model


def test_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = _fit(tmp_path / "whole", 30)
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "cut", 30, stop_after=17)
    resumed = _fit(tmp_path / "cut", 30)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_diverging_training_stops_with_the_step(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(RuntimeError, match="bad: the loss became nan at step 0"):
        fit(
            "bad",
            nn.ModuleDict({"model": model}),
            lambda rng, progress: model(torch.full((1, 1), torch.nan)).sum(),
            FitSettings(
                num_steps=11,
                learning_rate=0.1,
                folder=tmp_path,
                seed=0,
            ),
        )


@pytest.mark.parametrize("factor", VAE_CHANNELS)
def test_the_autoencoder_is_of_its_factor(factor: int) -> None:
    vae = make_vae(VAE_CHANNELS[factor], sample_size=32)
    latents = vae.encode(torch.zeros(1, 3, 32, 32)).latent_dist.mode()
    assert latents.shape == (1, 4, 32 // factor, 32 // factor)
    assert vae.decode(latents).sample.shape == (1, 3, 32, 32)


def test_a_factor_that_no_autoencoder_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="vae_factor must be 2 or 4, got 3"):
        StageConfig(out=tmp_path, work=tmp_path, vae_factor=3)  # type: ignore[arg-type]
