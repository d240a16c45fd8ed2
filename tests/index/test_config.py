"""The build's configuration refuses what cannot be built, before any work."""

from pathlib import Path

import pytest

from index.config import BuildConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_ratios": (0.5, 1.2)}, r"noise_ratios must lie in \(0, 1\], got \(0.5, 1.2\)"),
        ({"noise_ratios": ()}, "noise_ratios must lie in"),
        ({"noise_ratios": (0.7, 0.5)}, r"noise_ratios must increase, got \(0.7, 0.5\)"),
        ({"noise_ratios": (0.7,)}, "at least two noise_ratios"),
        ({"noise_ratio": 0.0}, r"noise_ratio must lie in \(0, 1\], got 0.0"),
        ({"prompt": "A photo"}, "prompt 'A photo' has no {target}"),
        ({"num_inference_steps": 0}, "num_inference_steps must be at least 1, got 0"),
        ({"max_pairs": -1}, "max_pairs must not be negative, got -1"),
        ({"method": "dafusion"}, "--method dafusion needs --inversions"),
        ({"method": "genie+txtinv"}, "python -m index.invert learns them"),
        ({"method": "cap2aug"}, "--method cap2aug needs --captions"),
        ({"captions": "c.json"}, "no other method takes it: got genie-ada and captions 'c.json'"),
        ({"captioner": "blip"}, "--captioner needs --captions"),
        (
            {"method": "cap2aug", "captions": "c.json", "inversions": Path("tokens")},
            "give --captions or --inversions",
        ),
    ],
)
def test_bad_values_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BuildConfig(**change)  # type: ignore[arg-type]


def test_each_method_sweeps_its_own_ratios() -> None:
    assert BuildConfig().sweep_ratios == (0.5, 0.6, 0.7, 0.8, 0.9)
    assert BuildConfig(method="genie", noise_ratio=0.3).sweep_ratios == (0.3,)
    assert BuildConfig(method="txt2img").sweep_ratios == (1.0,)


def test_recipe_holds_what_decides_the_content_only() -> None:
    recipe = BuildConfig(batch_size=7, device="cpu").recipe()
    assert recipe["noise_ratios"] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert recipe["seed"] == 0
    assert not {"out", "batch_size", "device"} & recipe.keys()
