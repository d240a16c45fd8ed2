"""Opening models: detection, errors, fingerprints, samplers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline, EDMEulerScheduler

from genie_transforms import MissingPackageError, UserError
from index.diffusion.families import FAMILIES, family_of, load_family
from index.diffusion.sampling.config import SweepSettings
from index.diffusion.sampling.sweep import sweep_latents
from index.diffusion.sampling.trajectories import SweepPair
from index.diffusion.weights import ModelError


@pytest.mark.parametrize(
    ("folder", "name", "sampler", "steps", "guidance"),
    [
        ("stable_diffusion_folder", "stable-diffusion", "DPMSolverMultistepScheduler", 50, 7.5),
        ("velocity_folder", "stable-diffusion", "DPMSolverMultistepScheduler", 50, 7.5),
        ("sdxl_folder", "stable-diffusion-xl", "DPMSolverMultistepScheduler", 50, 5.0),
        ("turbo_folder", "stable-diffusion-xl", "EulerAncestralDiscreteScheduler", 10, 0.0),
        ("sd3_folder", "stable-diffusion-3", "FlowMatchEulerDiscreteScheduler", 28, 7.0),
    ],
)
def test_families_are_detected_with_their_defaults(
    request: pytest.FixtureRequest,
    folder: str,
    name: str,
    sampler: str,
    steps: int,
    guidance: float,
) -> None:
    family = load_family(str(request.getfixturevalue(folder)))
    assert family.name == name
    assert type(family.scheduler).__name__ == sampler
    assert family.default_num_inference_steps == steps
    assert family.default_guidance_scale == guidance
    assert family.resolution == 16
    assert family.max_tokens == 24
    assert family.num_tokens("a photo of a dog") == 7
    assert family.num_tokens("a dog " * 50) > family.max_tokens
    family.check_prompts(["a dog", " ".join(["dog"] * 22)])  # and the two marks
    with pytest.raises(UserError, match="' has 25 tokens, the model reads 24: shorten it"):
        family.check_prompts(["a dog", " ".join(["dog"] * 23)])
    json.dumps(family.fingerprint())


def test_the_papers_sampler_keeps_the_models_schedule(velocity_folder: Path) -> None:
    config = load_family(str(velocity_folder)).scheduler.config
    assert config.prediction_type == "v_prediction"
    assert config.beta_schedule == "scaled_linear"
    assert (config.algorithm_type, config.solver_order) == ("dpmsolver++", 2)
    assert config.timestep_spacing == "linspace"


def test_a_model_whose_name_says_turbo_is_turbo(sdxl_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-SDXL-Turbo"
    shutil.copytree(sdxl_folder, folder)
    assert load_family(str(folder)).default_guidance_scale == 0.0
    folder = folder.rename(tmp_path / "turbofan-sdxl")
    assert load_family(str(folder)).default_guidance_scale == 5.0


def test_linked_components_are_in_the_fingerprint(
    stable_diffusion_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(stable_diffusion_folder, tmp_path / "model")
    expected = load_family(str(folder)).fingerprint()["files"]
    (folder / "unet").rename(tmp_path / "unet")
    (folder / "unet").symlink_to(tmp_path / "unet")
    assert load_family(str(folder)).fingerprint()["files"] == expected


def test_the_fingerprint_knows_weights_scheduler_and_precision(
    stable_diffusion_folder: Path, tmp_path: Path
) -> None:
    model = str(stable_diffusion_folder)
    first = load_family(model).fingerprint()
    assert first == load_family(model).fingerprint()
    assert len(first["files"]["unet/diffusion_pytorch_model.safetensors"]) == 64
    assert load_family(model, scheduler="unipc").fingerprint() != first
    assert load_family(model, dtype="bfloat16").fingerprint()["dtype"] == "bfloat16"
    changed = tmp_path / "changed"
    shutil.copytree(stable_diffusion_folder, changed)
    (changed / "unet" / "config.json").write_text(
        (changed / "unet" / "config.json").read_text() + "\n"
    )
    assert load_family(str(changed)).fingerprint()["files"] != first["files"]


@pytest.mark.parametrize(
    "scheduler", ["dpm++", "unipc", "euler", "EulerAncestralDiscreteScheduler"]
)
def test_every_sampler_gives_the_same_alone_and_in_a_batch(
    stable_diffusion_folder: Path, scheduler: str
) -> None:
    family = load_family(str(stable_diffusion_folder), scheduler=scheduler)
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    pairs = [SweepPair(k, "a photo of a dog", (0.35, 0.8, 1.0), seed=k) for k in range(2)]
    settings = SweepSettings(num_inference_steps=12, guidance_scale=2.0)
    together = sweep_latents(family, images, pairs, settings)
    for pair, latents in zip(pairs, together, strict=True):
        alone = sweep_latents(family, images, [pair], replace(settings, batch_size=1))[0]
        assert bool(alone.isfinite().all())
        assert float((alone - latents).abs().max()) <= 1e-4


def test_half_precision_runs_and_stays_close(velocity_folder: Path) -> None:
    images = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    pair = SweepPair(0, "a photo of a dog", (0.8,), seed=0)
    settings = SweepSettings(num_inference_steps=10)
    full, half = (
        sweep_latents(load_family(str(velocity_folder), dtype=dtype), images, [pair], settings)[0]
        for dtype in ("float32", "bfloat16")
    )
    assert half.dtype == torch.float32
    assert float((full - half).abs().mean()) < 0.1 * float(full.std())


def test_samplers_that_cannot_join_in_mid_grid_are_refused(
    stable_diffusion_folder: Path, sd3_folder: Path
) -> None:
    with pytest.raises(ModelError, match=r"'PNDMScheduler' cannot start.*known: dpm\+\+ "):
        load_family(str(stable_diffusion_folder), scheduler="model")
    with pytest.raises(ModelError, match="'ddim' cannot start"):
        load_family(str(stable_diffusion_folder), scheduler="ddim")
    with pytest.raises(ModelError, match="flow matching: DPMSolverMultistepScheduler is not"):
        load_family(str(sd3_folder), scheduler="dpm++")


def test_models_that_are_noised_otherwise_are_refused(sdxl_folder: Path, tmp_path: Path) -> None:
    pipeline = DiffusionPipeline.from_pretrained(sdxl_folder)
    pipeline.vae.register_to_config(latents_mean=[0.0] * 4, latents_std=[1.0] * 4)
    with pytest.raises(ModelError, match="a mean and deviation for each channel"):
        family_of(pipeline, "scaled")
    pipeline = DiffusionPipeline.from_pretrained(sdxl_folder)
    pipeline.scheduler = EDMEulerScheduler()
    with pytest.raises(ModelError, match="which the model's own EDMEulerScheduler does not have"):
        family_of(pipeline, "edm")


def test_unknown_families_are_refused_with_the_known_ones(
    stable_diffusion_folder: Path, tmp_path: Path
) -> None:
    index = json.loads((stable_diffusion_folder / "model_index.json").read_text())
    index["_class_name"] = "KandinskyPipeline"
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="KandinskyPipeline, which no family knows") as caught:
        load_family(str(tmp_path))
    assert all(known in str(caught.value) for known in FAMILIES)


def test_the_deleted_model_is_answered_with_its_mirror() -> None:
    with pytest.raises(ModelError, match="mirror is stable-diffusion-v1-5/stable-diffusion-v1-5"):
        load_family("runwayml/stable-diffusion-v1-5")


def test_folders_that_hold_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the folder does not exist"):
        load_family(str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        load_family(str(tmp_path))
    with pytest.raises(ModelError, match="dtype must be one of float32, bfloat16, float16"):
        load_family("some/model", dtype="int8")


def test_an_unreachable_hub_model_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(DiffusionPipeline, "load_config", offline)
    with pytest.raises(ModelError, match=r"some/model is neither a local folder.*no connection"):
        load_family("some/model")


def test_a_hub_model_is_known_by_its_commit(
    stable_diffusion_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "snapshots" / ("c0ffee" + "0" * 34)
    shutil.copytree(stable_diffusion_folder, snapshot)
    index = json.loads((snapshot / "model_index.json").read_text())
    monkeypatch.setattr(DiffusionPipeline, "load_config", lambda *a, **k: index)
    monkeypatch.setattr(DiffusionPipeline, "download", lambda *a, **k: str(snapshot))
    fingerprint = load_family("some/model", revision="main").fingerprint()
    assert (fingerprint["model"], fingerprint["revision"]) == ("some/model", snapshot.name)


def test_a_variant_that_is_not_there(stable_diffusion_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be opened, variant fp17: .*fp17"):
        load_family(str(stable_diffusion_folder), variant="fp17")


def test_lora_without_peft_says_what_to_install(
    stable_diffusion_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.diffusion.weights.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install peft"):
        load_family(str(stable_diffusion_folder), lora="weights.safetensors")
