"""Every setting refuses what it cannot be, in one line that names it, before a model is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from torch import Tensor

from genie_transforms import UserError
from index.build import main
from index.config import BuildConfig

HINTS = get_type_hints(BuildConfig)

NUMBERS = (math.nan, math.inf, -math.inf, -1.0, "0.5", True)
WHOLE = (-1, 10**30, 2.5, math.nan, "3", True)
TEXTS = ("a\0b", 3, 0.5, ("a",), Path("a"))
PATHS = (Path("a\0b"), "a", 3, True)
SWITCHES = (1, 0, "on", None)
TUPLES = ("a", 0.5, None, [], (None,), (True,), (math.nan,), (3j,))

OUT_OF_RANGE = {
    "noise_ratio": (0.0, 1.5),
    "noise_ratios": ((), (0.5,), (0.0, 0.5), (0.5, 1.5), (0.7, 0.5), (0.5, 0.5)),
    "num_inference_steps": (0, 10**9),
    "ada_steps": (0, 10**9),
    "guidance_scale": (1e6,),
    "batch_size": (10**9,),
    "resolution": (1, 10**9),
    "store_resolution": (1, 10**9),
    "preview": (10**9,),
    "stale_distance": (2.5,),
    "variations": (0, 10**12),
    "pairs_per_shard": (-1, 10**12),
    "pairs": ("", "neerest:5", "nearest:", "nearest:0", "random:-1", "confusion:1.5", "random:nan"),
    "prompt": ("", "A photo", "A {colour} {target}", "{target", "{target} {}"),
    "scheduler": ("", "ddim", "DPM++"),
    "method": ("dafusion", "genie+txtinv", "cap2aug"),  # without what they need
    "ada": ("Full",),
    "captions": ("captions.json",),
    "captioner": ("blip",),
}


def _wrong_kinds(hint: Any) -> tuple[Any, ...]:
    """Return what is wrong for an annotation, or for each part of an optional one."""
    kinds: dict[Any, tuple[Any, ...]] = {
        float: NUMBERS, int: WHOLE, str: TEXTS, Path: PATHS, bool: SWITCHES,
    }  # fmt: skip
    parts = get_args(hint)
    if hint in kinds:
        return kinds[hint]
    if type(None) in parts:
        return kinds[parts[0]]
    if set(parts) == {str, Path}:  # any text but none is a folder's name
        return ("", 3, None, True)
    if parts[-1] is Ellipsis:
        return TUPLES
    return ("", "none of these", 3, None, True)  # a literal's


BAD_VALUES = [
    (name, value)
    for name, hint in HINTS.items()
    for value in (*_wrong_kinds(hint), *OUT_OF_RANGE.get(name, ()))
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_setting_refuses_what_it_cannot_be(name: str, value: Any) -> None:
    with pytest.raises(UserError) as refused:
        BuildConfig(**{name: value})
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    assert name in message
    assert repr(value) in message or str(value) in message


def test_every_setting_has_bad_values() -> None:
    assert {name for name, _ in BAD_VALUES} == HINTS.keys()
    assert OUT_OF_RANGE.keys() <= HINTS.keys()
    assert len(BAD_VALUES) > 250


@pytest.mark.parametrize(
    "change",
    [
        {"guidance_scale": 0}, {"guidance_scale": 1}, {"noise_ratio": 1}, {"resolution": 0},
        {"seed": 2**63 - 1}, {"max_pairs": 2**63 - 1}, {"num_inference_steps": 1000},
        {"scheduler": "model"}, {"scheduler": "EulerDiscreteScheduler"}, {"batch_size": 0},
    ],
)  # fmt: skip
def test_the_ends_of_a_range_are_in_it(change: dict[str, Any]) -> None:
    BuildConfig(**change)


OWN = f"python:{__name__}:mean_colour"

COMMAND_LINES = [
    ("--guidance-scale", "nan"),
    ("--guidance-scale", "inf"),
    ("--guidance-scale", "-inf"),
    ("--stale-distance", "nan"),
    ("--noise-ratio", "nan"),
    ("--noise-ratios", "0.5", "nan"),
    ("--store-resolution", "1"),
    ("--resolution", "1000000000"),
    ("--batch-size", "-1"),
    ("--seed", "-1"),
    ("--seed", "99999999999999999999"),
    ("--scheduler", "ddim"),
    ("--device", "gpu"),
    ("--device", "meta"),
    ("--device", ""),
    ("--device", "cuda:99"),
    ("--out", "FILE"),
    ("--cache", "FILE"),
    ("--inversions", "FILE", "--method", "genie+txtinv"),
    ("--inversions", "/nowhere", "--method", "genie+txtinv"),
    ("--class-names", "/nowhere.json"),
    ("--class-names", "FILE"),
    ("--confusion", "/nowhere.npy", "--pairs", "confusion:1"),
    ("--confusion", "FILE", "--pairs", "confusion:1"),
    ("--captions", "/nowhere.json", "--method", "cap2aug"),
    ("--captions", "FILE", "--method", "cap2aug"),
    ("--source", "/nowhere"),
    ("--source", "FILE"),
    ("--only-classes", "no-such-class"),
    ("--index-factory", ""),
    ("--index-factory", "Flatt"),
    ("--backbone", "no-such-kind"),
    ("--backbone", "torchvision:"),
    ("--backbone", "torchvision:resnet18:FILE"),
    ("--backbone", "torchvision:resnet18:/nowhere.pt"),
    ("--backbone", "timm:no_such_model"),
    ("--backbone", "transformers:/nowhere"),
    ("--backbone", "unisiam:resnet18:FILE"),
    ("--backbone", "python:no_such_module:function"),
    ("--model", "/nowhere", "--backbone", OWN),
    ("--model", "FILE", "--backbone", OWN),
    ("--lora", "/nowhere.safetensors"),
    ("--lora", "FILE"),
    ("--config", "/nowhere.yaml"),
    ("--config", "FILE"),
]


def mean_colour() -> Callable[[Tensor], Tensor]:
    """Return a backbone that needs no weights."""
    return lambda images: images.float().mean((2, 3)) + 1


@pytest.mark.parametrize("arguments", COMMAND_LINES, ids=" ".join)
def test_the_command_refuses_in_one_line(
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def loads(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded first")

    monkeypatch.setattr("diffusers.DiffusionPipeline.from_pretrained", loads)
    file = tmp_path / "file.json"
    file.write_text("neither this nor that")
    given = [argument.replace("FILE", str(file)) for argument in arguments]
    with pytest.raises(SystemExit) as stop:
        main(["--out", str(tmp_path / "bank"), *given])
    assert stop.value.code == 2
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert len(errors[0].getMessage().splitlines()) == 1
    assert given[1].strip("-").split(":")[-1] in errors[0].getMessage()
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "bank").exists()
