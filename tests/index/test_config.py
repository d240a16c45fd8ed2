"""The build's configuration refuses what cannot be built, before any work."""

import json
from pathlib import Path

import pytest

from genie_transforms import UserError
from index.config import BuildConfig
from index.plan import PLAN_FIELDS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_ratios": (0.5, 1.2)}, r"noise_ratios must lie in \(0, 1\], got \(0.5, 1.2\)"),
        ({"noise_ratios": ()}, "noise_ratios must lie in"),
        ({"noise_ratios": (0.7, 0.5)}, r"noise_ratios must increase, got \(0.7, 0.5\)"),
        ({"noise_ratios": (0.7,)}, "at least two noise_ratios"),
        ({"noise_ratio": 0.0}, r"noise_ratio must lie in \(0, 1\], got 0.0"),
        ({"prompt": "A photo"}, "prompt 'A photo' has no {target}"),
        ({"num_inference_steps": 0}, r"num_inference_steps must lie in \[1, 1000\], got 0"),
        ({"max_pairs": -1}, "max_pairs must not be negative, got -1; 0 is no limit"),
        ({"variations": 0}, r"variations must lie in \[1, 100000000\], got 0"),
        ({"batch_size": -1}, r"batch_size must lie in \[0, 65536\], got -1; 0 is what"),
        ({"pairs": "neerest:5"}, "pairs must be all, random:K, nearest:K or confusion:K"),
        ({"prompt": "A {colour} {target}"}, "only placeholders are {target} and {superclass}"),
        ({"method": "dafusion"}, "--method dafusion needs --inversions"),
        ({"method": "genie+txtinv"}, "python -m index.invert learns them"),
        ({"method": "cap2aug"}, "--method cap2aug needs --captions"),
        ({"captions": "c.json"}, "no other method takes it: got genie-ada and captions 'c.json'"),
        ({"captioner": "blip"}, "--captioner 'blip' needs --captions"),
        (
            {"method": "cap2aug", "captions": "c.json", "inversions": Path("tokens")},
            "give --captions or --inversions",
        ),
    ],
)
def test_bad_values_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        BuildConfig(**change)  # type: ignore[arg-type]


def test_each_method_sweeps_its_own_ratios() -> None:
    assert BuildConfig().sweep_ratios == (0.5, 0.6, 0.7, 0.8, 0.9)
    assert BuildConfig(method="genie", noise_ratio=0.3).sweep_ratios == (0.3,)
    assert BuildConfig(method="txt2img").sweep_ratios == (1.0,)


RECIPE = {
    *("source", "image_root", "class_names", "pairs", "confusion", "per_class", "only_classes"),
    *("max_class_size", "variations", "max_pairs", "pairs_per_shard"),
    *("model", "revision", "variant", "dtype", "lora", "channels_last", "compile", "vae_tiling"),
    *("safety_checker", "scheduler", "method", "noise_ratio", "noise_ratios", "rule", "ada"),
    *("ada_steps", "noise", "num_inference_steps", "guidance_scale", "negative_prompt", "prompt"),
    *("prompts", "prompt_templates", "ada_guidance", "guidance_interval"),
    *("agree", "resolution", "store_resolution", "image_format", "backbone", "seed", "keep_sweep"),
}


def test_recipe_holds_what_decides_the_content_only() -> None:
    recipe = BuildConfig(batch_size=7, device="cuda", only_classes=("fox",)).recipe()
    assert recipe.keys() == RECIPE  # banks are known by it: a key that goes refuses them
    assert recipe == {**BuildConfig().recipe(), "only_classes": ["fox"]}
    assert recipe["noise_ratios"] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert json.loads(json.dumps(recipe)) == recipe


def test_what_may_change_as_a_bank_grows_is_a_setting_of_the_plan() -> None:
    assert RECIPE >= PLAN_FIELDS
    assert "seed" not in PLAN_FIELDS
    assert len(PLAN_FIELDS) == 12
