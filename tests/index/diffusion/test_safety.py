"""A pipeline's safety checker: what it flags is made again, and never stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from torch import Tensor
from torch.nn.functional import normalize
from torchvision.transforms.v2.functional import to_pil_image
from transformers import CLIPConfig, CLIPImageProcessor

from index.build.prepare import embed_sources, resolve
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.sampling.config import SweepSettings
from index.diffusion.sampling.seeds import pair_seed
from index.diffusion.sampling.sweep import FLAGGED, sweep
from index.diffusion.sampling.trajectories import SweepPair
from index.embed.backbone import load_backbone
from index.generate.context import BuildContext
from index.generate.shard import run_shard
from index.plan.pairs import make_plan
from index.sources.dataset import source_of

DOG = "a photo of a dog"
FOUR_STEPS = SweepSettings(num_inference_steps=4)


@pytest.fixture(scope="module")
def folder(stable_diffusion_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 1.x with a small safety checker that flags nothing."""
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tower |= {"num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**tower, "vocab_size": 100},
        vision_config={**tower, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    torch.manual_seed(7)
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data.fill_(2)  # a cosine is never above
    checker.special_care_embeds_weights.data.fill_(2)
    size = {"shortest_edge": 16}
    pipeline = StableDiffusionPipeline.from_pretrained(
        stable_diffusion_folder,
        safety_checker=checker,
        feature_extractor=CLIPImageProcessor(size=size, crop_size={"height": 16, "width": 16}),
    )
    path: Path = tmp_path_factory.mktemp("checked")
    pipeline.save_pretrained(path)
    return path


@pytest.fixture
def family(folder: Path) -> Family:
    return load_family(str(folder), safety_checker=True)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)


def _forbid(family: Family, image: Tensor, allowed: Tensor) -> None:
    """Make what sets an image apart from others a concept that the checker flags.

    Args:
        family: The model.
        image: ``(3, 16, 16)`` uint8.
        allowed: Images that are not to be flagged, ``(N, 3, 16, 16)`` uint8.
    """
    checker, shown = family.safety_checker, [to_pil_image(x) for x in (image, *allowed)]
    pixels = family.pipeline.feature_extractor(shown, return_tensors="pt").pixel_values
    with torch.no_grad():
        seen = normalize(checker.visual_projection(checker.vision_model(pixels)[1]))
    concept = seen[0] - seen[1:].mean(0)
    cosines = seen @ normalize(concept, dim=0)
    others = float(cosines[1:].max())
    assert cosines[0] - others > 0.01  # the checker rounds to thousandths
    checker.concept_embeds.data[0] = concept
    checker.concept_embeds_weights.data[0] = (float(cosines[0]) + others) / 2


def test_it_is_loaded_on_request_and_recorded(folder: Path) -> None:
    without, with_it = (load_family(str(folder), safety_checker=on) for on in (False, True))
    assert without.safety_checker is None
    assert isinstance(with_it.safety_checker, StableDiffusionSafetyChecker)
    assert without.fingerprint()["safety_checker"] is False
    assert with_it.fingerprint()["safety_checker"] is True
    assert without.flagged(torch.zeros(2, 3, 16, 16, dtype=torch.uint8)) == [False, False]


def test_only_what_it_flags_is_flagged(family: Family, images: Tensor) -> None:
    assert family.flagged(images) == [False, False]
    _forbid(family, images[1], images[:1])
    before = images.clone()
    assert family.flagged(images) == [False, True]
    assert torch.equal(images, before)  # never blanked


def test_a_flagged_image_is_a_failure_of_the_sweep(family: Family, images: Tensor) -> None:
    pairs = [SweepPair(k, DOG, (0.5, 0.9), seed=k) for k in range(2)]
    made = sweep(family, images, pairs, FOUR_STEPS)
    assert made.failures == {}
    _forbid(family, made.images[1][0], torch.cat([made.images[0], made.images[1][1:]]))
    again = sweep(family, images, pairs, FOUR_STEPS)
    assert again.failures == {(1, 0): FLAGGED}
    assert torch.equal(again.images[1], made.images[1])


def _context(family: Family) -> BuildContext:
    source = source_of(Scenes(1, classes=("star", "ring"), seed=1))
    config = BuildConfig(num_inference_steps=4, method="genie", noise_ratio=0.75, resolution=16)
    config = resolve(config, family)
    backbone = load_backbone("demo")
    index = embed_sources(source, backbone, 16)
    return BuildContext(config, source, family, backbone, index, [("a star",), ("a ring",)])


def test_flagged_pairs_get_a_new_seed_then_fail(family: Family) -> None:
    context = _context(family)
    plan = make_plan(context.source.labels, 2)
    first = run_shard(context, plan, keep_sweeps_of=[0, 1])
    (row, strip), (_, other) = first.sweeps[0], first.sweeps[1]
    seeds = [pair_seed(row["source_digest"], "ring", 0, 0, attempt=n) for n in (0, 1)]
    assert row["label"] == context.source.class_names.index("ring")
    assert row["seed"] == seeds[0]

    retry = SweepPair(0, row["prompt"], (0.75,), seeds[1])
    expected = sweep(family, strip[:1], [retry], FOUR_STEPS).images[0]
    _forbid(family, strip[1], torch.cat([expected, other[1:]]))
    second = run_shard(context, plan, keep_sweeps_of=[0])
    assert second.rows[0]["seed"] == seeds[1]
    assert int((second.sweeps[0][1][1].int() - expected[0].int()).abs().max()) <= 1
    assert second.rows[1]["seed"] == first.rows[1]["seed"]
    assert second.network_rows == first.network_rows * 3 // 2  # one pair of two again

    family.safety_checker.concept_embeds_weights.data.fill_(-2)  # everything is a concept
    third = run_shard(context, plan)
    assert not third.rows
    assert {failure["reason"] for failure in third.failures} == {FLAGGED}
    assert third.network_rows == 3 * first.network_rows
    np.testing.assert_array_equal([f["source"] for f in third.failures], plan.sources)


def test_the_recipe_says_on_or_off() -> None:
    assert BuildConfig().recipe()["safety_checker"] == "on"
    assert BuildConfig(safety_checker="off").recipe()["safety_checker"] == "off"
