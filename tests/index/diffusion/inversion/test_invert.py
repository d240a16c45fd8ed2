"""Textual inversion on real tiny pipelines: what it changes, what it leaves, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from index.demo.scenes import Scenes
from index.demo.weights import PIPELINE
from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.inversion.concepts import CHECKPOINT, Concept, invert
from index.diffusion.inversion.config import Inversion
from index.diffusion.inversion.tokens import (
    add_tokens,
    load_tokens,
    read_token,
    token_of,
    tokens_of,
)
from index.diffusion.inversion.training import denoising_loss
from index.diffusion.weights import ModelError

FAST = Inversion(iterations=6, learning_rate=0.01, batch_size=8)


def random_images(seed: int, count: int = 2) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 3, 16, 16), generator=rng, dtype=torch.uint8)


DOG = Concept("dog", random_images(1), "dog")
CAR = Concept("red_car", random_images(2, 1), "car of type")
BOAT = Concept("boat", random_images(3, 3), "boat")


@pytest.fixture
def family(stable_diffusion_folder: Path) -> Family:
    return load_family(str(stable_diffusion_folder))


def states(family: Family) -> dict[str, Tensor]:
    parts = family.pipeline.components.items()
    networks = {name: part for name, part in parts if isinstance(part, torch.nn.Module)}
    return {
        f"{name}.{key}": value.clone()
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }


@pytest.mark.parametrize("model", ["stable_diffusion_folder", "velocity_folder", "sdxl_folder"])
def test_nothing_but_the_token_changes_and_diffusers_reads_it(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(model)
    family = load_family(str(folder))
    before, words = states(family), dict(family.pipeline.tokenizer.get_vocab())
    (path,) = invert(family, [DOG], FAST, tmp_path)
    after = states(family)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert family.pipeline.tokenizer.get_vocab() == words

    load_tokens(family, tmp_path, ["dog"])
    ours = family.encode_prompts(["A photo of a <dog>"])["encoder_hidden_states"]
    plain = family.encode_prompts(["A photo of a dog"])["encoder_hidden_states"]
    assert not torch.allclose(ours, plain)
    two_encoders = model == "sdxl_folder"
    kind = StableDiffusionXLPipeline if two_encoders else StableDiffusionPipeline
    theirs = kind.from_pretrained(folder)
    if two_encoders:
        state = load_file(path)
        theirs.load_textual_inversion(state["clip_l"], token="<dog>")
        theirs.load_textual_inversion(
            state["clip_g"],
            token="<dog>",
            tokenizer=theirs.tokenizer_2,
            text_encoder=theirs.text_encoder_2,
        )
        states_of = theirs.encode_prompt("A photo of a <dog>", device="cpu")[0]
    else:
        theirs.load_textual_inversion(str(path))
        states_of = theirs.encode_prompt("A photo of a <dog>", "cpu", 1, False)[0]
    assert torch.equal(states_of, ours)


def test_tokens_begin_as_the_mean_of_their_words(family: Family, tmp_path: Path) -> None:
    (path,) = invert(family, [CAR], replace(FAST, iterations=1, learning_rate=1e-12), tmp_path)
    table = family.pipeline.text_encoder.get_input_embeddings().weight
    ids = [family.pipeline.tokenizer(word)["input_ids"][1] for word in ("car", "of", "type")]
    expected = table[ids].mean(0)
    assert load_file(path).keys() == {"<red-car>"}
    assert torch.allclose(load_file(path)["<red-car>"][0], expected, atol=1e-6)


@torch.no_grad()
def measured(family: Family, images: Tensor, prompt: str) -> float:
    """Compare the model's predictions with the truth, by the formula of the training objective."""
    rng = torch.Generator().manual_seed(9)
    clean = family.encode_images(images[:1]).expand(64, -1, -1, -1)
    noise = torch.randn(clean.shape, generator=rng)
    times = torch.randint(1000, (64,), generator=rng)
    alpha_bar = family.scheduler.alphas_cumprod[times][:, None, None, None]
    encoded = family.encode_prompts([prompt])
    conditioning = {name: value.expand(64, -1, -1) for name, value in encoded.items()}
    noised = alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise
    predicted = family.predict(noised, times.float(), conditioning)
    wanted = noise
    if family.scheduler.config.prediction_type == "v_prediction":
        wanted = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean
    scheduler = DDPMScheduler.from_config(family.scheduler.config)
    ours = denoising_loss(family, scheduler, clean, noise, times, conditioning)
    expected = (predicted - wanted).square().mean((1, 2, 3))
    assert torch.allclose(ours, expected, atol=1e-4)
    return float(expected.mean())


@pytest.mark.parametrize("model", ["stable_diffusion_folder", "velocity_folder"])
def test_the_loss_falls_even_for_a_model_of_noise(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    family = load_family(str(request.getfixturevalue(model)))
    one = Concept("dog", random_images(1, 1), "dog")
    how = Inversion(iterations=60, learning_rate=0.05, images_per_step=8, batch_size=8)
    invert(family, [one], how, tmp_path)
    load_tokens(family, tmp_path, ["dog"])
    before = measured(family, one.images, "A photo of a dog")
    assert measured(family, one.images, "A photo of a <dog>") < before


def test_a_trained_model_learns_what_an_image_shows(tmp_path: Path) -> None:
    family = load_family(str(PIPELINE))
    scene = Scenes(1, classes=("crescent",), seed=1).pixels(slice(None))
    how = Inversion(iterations=40, learning_rate=0.01, images_per_step=8, batch_size=8)
    invert(family, [Concept("new", scene, "shape")], how, tmp_path)
    load_tokens(family, tmp_path, ["new"])
    begun, learned = (measured(family, scene, f"A photo of a {x}") for x in ("shape", "<new>"))
    assert learned < 0.95 * begun


def test_concepts_are_learned_as_if_alone(family: Family, tmp_path: Path) -> None:
    invert(family, [DOG, CAR, BOAT], FAST, tmp_path / "together")
    for concept in (DOG, CAR, BOAT):
        invert(family, [concept], FAST, tmp_path / "alone")
    invert(family, [BOAT, DOG, CAR], replace(FAST, batch_size=2), tmp_path / "chunked")
    for name in ("dog", "red_car", "boat"):
        together = read_token(tmp_path / "together" / f"{name}.safetensors")["clip_l"]
        for other in ("alone", "chunked"):
            found = read_token(tmp_path / other / f"{name}.safetensors")["clip_l"]
            assert torch.allclose(found, together, atol=1e-5), (name, other)
    different = read_token(tmp_path / "together" / "dog.safetensors")["clip_l"]
    invert(family, [replace(DOG, images=random_images(7))], FAST, tmp_path / "other")
    other = read_token(tmp_path / "other" / "dog.safetensors")["clip_l"]
    assert not torch.allclose(other, different, atol=1e-3)


def test_an_interrupted_run_continues_to_the_same_token(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = replace(FAST, checkpoint_every=2, images_per_step=2)
    invert(family, [DOG, CAR], how, tmp_path / "whole")
    calls = []
    predict = family.predict

    def stopping(*arguments: Tensor) -> Tensor:
        calls.append(arguments)
        if len(calls) == 6:  # in the step after the second checkpoint
            raise KeyboardInterrupt
        return predict(*arguments)

    monkeypatch.setattr(family, "predict", stopping)
    with pytest.raises(KeyboardInterrupt):
        invert(family, [DOG, CAR], how, tmp_path / "cut")
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [CHECKPOINT]
    paths = invert(family, [DOG, CAR], how, tmp_path / "cut")
    assert len(calls) == 6 + 2  # steps 4 and 5 of 6
    for path in paths:
        whole = load_file(tmp_path / "whole" / path.name)
        assert all(torch.equal(value, whole[key]) for key, value in load_file(path).items())
    invert(family, [DOG, CAR], how, tmp_path / "cut")
    assert len(calls) == 8  # finished: nothing runs
    assert not (tmp_path / "cut" / CHECKPOINT).exists()


def test_what_was_learned_otherwise_is_not_overwritten(family: Family, tmp_path: Path) -> None:
    invert(family, [DOG], FAST, tmp_path)
    with pytest.raises(FileExistsError, match="learned from other images"):
        invert(family, [replace(DOG, images=random_images(5))], FAST, tmp_path)
    with pytest.raises(FileExistsError, match=r"dog\.safetensors was learned"):
        invert(family, [DOG], replace(FAST, iterations=7), tmp_path)
    invert(family, [DOG], replace(FAST, batch_size=1), tmp_path)


def test_models_and_names_that_take_no_token(
    family: Family, sd3_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="stable-diffusion-3 takes no learned tokens"):
        invert(load_family(str(sd3_folder)), [DOG], FAST, tmp_path)
    with pytest.raises(ValueError, match="'Red-Car' would get the token <red-car>, also that of"):
        invert(family, [CAR, replace(CAR, name="Red-Car")], FAST, tmp_path)
    with pytest.raises(ValueError, match="concept 'dog' begins with no word"):
        invert(family, [replace(DOG, initializer=" ")], FAST, tmp_path)
    with pytest.raises(ValueError, match="concept 'dog' has no images"):
        invert(family, [replace(DOG, images=DOG.images[:0])], FAST, tmp_path)
    with pytest.raises(ValueError, match=r"<dog>' has .* tokens, the model reads 24: shorten it"):
        invert(family, [DOG], replace(FAST, prompt="a dog " * 20 + "{target}"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_token_names() -> None:
    assert token_of("great_white shark") == "<great-white-shark>"
    assert tokens_of(["a b", "c"]) == {"a b": "<a-b>", "c": "<c>"}
    with pytest.raises(ValueError, match="'__' would get the token <>, empty"):
        tokens_of(["__"])


def test_files_that_are_not_tokens_of_this_model(family: Family, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no token for 2 of 2 classes: cat, dog"):
        load_tokens(family, tmp_path, ["cat", "dog"])
    path = tmp_path / "dog.safetensors"
    path.write_text("no tensors")
    with pytest.raises(ValueError, match=r"dog\.safetensors is not a safetensors file"):
        load_tokens(family, tmp_path, ["dog"])
    save_file({"a": torch.zeros(2), "b": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"holds \['a', 'b'\], not one token"):
        load_tokens(family, tmp_path, ["dog"])
    with pytest.raises(ModelError, match="clip_l of this stable-diffusion wants one vector of 16"):
        add_tokens(family, {"<dog>": {"clip_l": torch.zeros(1, 768)}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"prompt": "a photo"}, "prompt has no {target}"),
        ({"images_per_step": 4, "batch_size": 2}, "batch_size 2 holds no step of images_per_step"),
    ],
)
def test_wrong_settings(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Inversion(**change)  # type: ignore[arg-type]
