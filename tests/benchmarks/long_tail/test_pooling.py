"""Seeds of several files are reported as if one run had made them all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool
from benchmarks.long_tail.pooling import about_images, as_bits, from_bits
from benchmarks.long_tail.report import report
from benchmarks.long_tail.run import main
from benchmarks.measure import without_nan
from benchmarks.training import TrainingConfig
from genie_transforms import UserError

_CONFIG = LongTailConfig(
    largest=60, imbalance=30.0, seeds=(0, 1, 2), arms=("resampled", "txt2img", "genie", "real-g")
)
_POOL, _TEST = open_pool(_CONFIG)


def _figures(config: LongTailConfig) -> list[dict[str, Any]]:
    """Make up what arms get right, and figures that follow from it."""
    entries = []
    for seed in config.seeds:
        few = np.isin(_TEST.labels, open_long_tail(config, _POOL, _TEST, seed).few)
        for place, arm in enumerate(config.arms):
            right = np.random.default_rng([seed, place]).random(len(_TEST)) < 0.5 + place / 10
            entries.append(
                {"arm": arm, "seed": seed, "few": float(right[few].mean()), "filled": 0,
                 "medium": 0.5, "many": 0.5, "all": 0.5, "ece": None, "oracle": None,
                 "right": as_bits(right)}
            )  # fmt: skip
    return entries


def _report(config: LongTailConfig) -> dict[str, Any]:
    result = report(config, _figures(config), _POOL, _TEST)
    made = {"command": f"seeds {config.seeds}", "machine": {"cores": len(config.seeds)}}
    content: dict[str, Any] = json.loads(json.dumps({**without_nan(result), **made}))
    return content


def _training(precision: Literal["float32", "bfloat16"]) -> TrainingConfig:
    return replace(_CONFIG.training, precision=precision)


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_bits_are_those_of_the_images() -> None:
    assert as_bits(np.array([True, False, False, False, False, False, False, True, True])) == "gYA="
    with pytest.raises(UserError, match="other test images: not of 17"):
        from_bits("gYA=", 17)
    assert from_bits("gYA=", 9).tolist() == [True, *[False] * 6, True, True]


def test_two_files_say_what_one_run_says(tmp_path: Path) -> None:
    whole = _report(_CONFIG)
    first = _report(replace(_CONFIG, seeds=(0, 1), model="first"))
    further = (_write(tmp_path / "first.json", first),)
    pooled = _report(replace(_CONFIG, seeds=(2,), pool=further, model="second"))
    few = {(e["seed"], e["arm"]): e["few"] for e in _figures(_CONFIG)}
    gaps = [few[seed, "genie"] - few[seed, "txt2img"] for seed in (0, 1, 2)]
    assert pooled["comparisons"]["P1"]["difference"] == pytest.approx(np.mean(gaps))
    assert pooled["comparisons"] == whole["comparisons"]
    assert pooled["arms"] == whole["arms"]
    assert pooled["training_sets"] == whole["training_sets"]
    assert len(set(whole["training_sets"].values())) == 3
    assert pooled["settings"]["seeds"] == [0, 1, 2]
    assert pooled["generator"] == [
        {"precision": "float32", "model": "second", "oracle": None, "seeds": [2]},
        {"precision": "float32", "model": "first", "oracle": None, "seeds": [0, 1]},
    ]
    besides = [few[seed, "genie"] - few[seed, "resampled"] for seed in (0, 1, 2)]
    assert set(pooled["secondary"]) == {"genie - resampled", "real-g - genie"}
    found = pooled["secondary"]["genie - resampled"]["few"]
    assert found["difference"] == pytest.approx(np.mean(besides))
    deviations = [few[seed, "genie"] for seed in (0, 1, 2)]
    assert pooled["deviations"]["genie"]["few"] == pytest.approx(np.std(deviations, ddof=1))
    # What is pooled can be pooled again, though bits of arms that nobody compares are left out.
    again = (_write(tmp_path / "both.json", pooled),)
    third = _report(replace(_CONFIG, seeds=(3,), pool=again, model="third"))
    assert third["comparisons"]["P1"]["seeds"] == 4
    assert [entry["seeds"] for entry in third["generator"]] == [[3], [2], [0, 1]]
    assert third["pooled"] == [
        {"command": "seeds (0, 1)", "machine": {"cores": 2}, "seeds": [0, 1]},
        {"command": "seeds (2,)", "machine": {"cores": 1}, "seeds": [2]},
    ]


def test_figures_are_reported_without_seeds_of_ones_own(tmp_path: Path) -> None:
    first = _write(tmp_path / "first.json", _report(replace(_CONFIG, seeds=(0, 1))))
    with pytest.raises(UserError, match="give --seeds, or --pool with figures of some"):
        replace(_CONFIG, seeds=())
    none = replace(_CONFIG, seeds=(), pool=(first,), work=tmp_path / "work", model="./nowhere")
    again = main(none)
    assert again["comparisons"]["P1"]["seeds"] == 2
    assert again["settings"]["seeds"] == [0, 1]
    assert not (tmp_path / "work").exists()
    made = {"command": "report", "machine": {}}
    second = _write(tmp_path / "second.json", {**without_nan(again), **made})
    assert main(replace(none, pool=(second,)))["pooled"] == again["pooled"]


def test_a_generator_of_each_seed_is_named_with_its_seed() -> None:
    found = _report(replace(_CONFIG, seeds=(0, 2), model="gen-{seed}/pipeline"))["generator"]
    assert [(entry["model"], entry["seeds"]) for entry in found] == [
        ("gen-0/pipeline", [0]),
        ("gen-2/pipeline", [2]),
    ]


def test_figures_of_before_a_setting_was_there_are_pooled_with_those_that_do_not_use_it(
    tmp_path: Path,
) -> None:
    first = _report(replace(_CONFIG, seeds=(0, 1)))
    settings = first["settings"]
    assert settings.pop("knowledge") is None
    assert settings.pop("inversion_iterations") is None
    path = _write(tmp_path / "first.json", first)
    assert _report(replace(_CONFIG, seeds=(2,), pool=(path,)))["settings"]["seeds"] == [0, 1, 2]
    arms = tuple(name for name in _CONFIG.arms if name != "real-g")
    unaware = replace(_CONFIG, seeds=(2,), arms=arms, model="m", knowledge="unaware", pool=(path,))
    with pytest.raises(UserError, match="was run with knowledge = None, not 'unaware'"):
        _report(unaware)


def test_what_is_not_alike_is_not_pooled(tmp_path: Path) -> None:
    first = _report(replace(_CONFIG, seeds=(0, 1)))
    with pytest.raises(UserError, match=r"seed 1 is in .*first\.json and in this run"):
        _report(replace(_CONFIG, seeds=(1, 2), pool=(_write(tmp_path / "first.json", first),)))
    other = first | {"settings": first["settings"] | {"per_class": 7}}
    with pytest.raises(UserError, match=r"was run with per_class = 7, not 50"):
        _report(replace(_CONFIG, seeds=(2,), pool=(_write(tmp_path / "other.json", other),)))
    drawn = first | {"training_sets": first["training_sets"] | {"1": "0" * 16}}
    with pytest.raises(
        UserError, match=r"drawn\.json: seed 1 drew other training images than here"
    ):
        _report(replace(_CONFIG, seeds=(2,), pool=(_write(tmp_path / "drawn.json", drawn),)))
    named = first | {"images": "0" * 16}
    with pytest.raises(UserError, match=r"named\.json is of other images, or calls"):
        _report(replace(_CONFIG, seeds=(2,), pool=(_write(tmp_path / "named.json", named),)))
    del named["images"]  # as files of before there was such a digest
    _report(replace(_CONFIG, seeds=(2,), pool=(_write(tmp_path / "named.json", named),)))
    with pytest.raises(UserError, match=r"nowhere\.json"):
        _report(replace(_CONFIG, seeds=(2,), pool=(tmp_path / "nowhere.json",)))
    for content in ({"arms": []}, []):
        path = _write(tmp_path / "else.json", content)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=r"else\.json is not what this version"):
            main(replace(_CONFIG, seeds=(2,), pool=(path,), work=tmp_path / "work"))
    cut = [e | {"right": e["right"][:-4]} for e in first["arms"] if "right" in e]
    for content in (drawn, first | {"arms": cut}):  # before anything is trained
        path = _write(tmp_path / "late.json", content)
        with pytest.raises(UserError, match=r"other training images|other test images"):
            main(replace(_CONFIG, seeds=(2,), pool=(path,), work=tmp_path / "work"))
    assert not (tmp_path / "work").exists()
    fewer = first | {"arms": [e for e in first["arms"] if e["arm"] != "genie"]}
    with pytest.raises(UserError, match=r"has no arm genie of seed 0: leave it out of --arms"):
        _report(replace(_CONFIG, seeds=(2,), pool=(_write(tmp_path / "fewer.json", fewer),)))
    arms = ("resampled", "genie", "real-g")
    with pytest.raises(UserError, match=r"first\.json has arm txt2img: give --arms txt2img here"):
        _report(replace(_CONFIG, seeds=(2,), arms=arms, pool=(tmp_path / "first.json",)))


def test_an_arm_of_some_seeds_is_compared_on_those(tmp_path: Path) -> None:
    arms = (*_CONFIG.arms, "genie-0.9")
    first = _report(replace(_CONFIG, seeds=(0, 1), arms=arms, training=_training("bfloat16")))
    further = (_write(tmp_path / "first.json", first),)
    pooled = _report(replace(_CONFIG, seeds=(2,), pool=further))
    few = {(e["seed"], e["arm"]): e["few"] for e in pooled["arms"]}
    assert {seed for seed, arm in few if arm == "genie-0.9"} == {0, 1}
    assert pooled["comparisons"]["P1"]["seeds"] == 3
    found = pooled["secondary"]["genie-0.9 - genie"]["few"]
    gaps = [few[seed, "genie-0.9"] - few[seed, "genie"] for seed in (0, 1)]
    assert (found["seeds"], found["difference"]) == (2, pytest.approx(np.mean(gaps)))
    # Its share is of the gap of its own seeds: others have other Few classes.
    own, floor, ceiling = (
        np.mean([few[seed, arm] for seed in (0, 1)]) for arm in ("genie-0.9", "resampled", "real-g")
    )
    share = (own - floor) / (ceiling - floor)
    assert pooled["share_of_real"]["genie-0.9"] == pytest.approx(share)
    assert [e["precision"] for e in pooled["generator"]] == ["float32", "bfloat16"]


def test_images_are_told_by_their_pixels_and_what_they_are_called() -> None:
    usual = about_images(_POOL, _TEST)
    assert usual == about_images(*open_pool(_CONFIG))
    assert usual != about_images(_TEST, _POOL)
    called = replace(_POOL, names=[replace(name, display="a thing") for name in _POOL.names])
    assert usual != about_images(called, _TEST)
