"""Methods whose prompts are learned tokens or captions: whole builds on a real tiny pipeline."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_from_disk
from safetensors.torch import load_file, save_file

from genie_transforms import UserError
from genie_transforms.format.manifest import Manifest
from index.build import prepare as module
from index.build.builder import build
from index.build.prompts import make_build_prompts
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.invert import InvertConfig, learn_classes
from index.invert import main as invert_main
from index.sources.source import Source

CLASSES = ("dog", "bird", "car")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes, two a class, whose folders have names that the tiny pipeline knows."""
    root = tmp_path_factory.mktemp("scenes")
    Scenes(2, classes=("star", "ring", "heart"), seed=1).write_image_folder(root)
    for old, new in zip(("star", "ring", "heart"), CLASSES, strict=True):
        (root / old).rename(root / new)
    return root


def test_classes_that_prompts_would_call_by_numbers_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source([], ["0", "1"], np.zeros(0, np.int64), [], "list")
    make_build_prompts(BuildConfig(), source)
    assert "called ['0', '1'] … in prompts: --class-names FILE" in caplog.text
    caplog.clear()
    names = tmp_path / "names.json"
    names.write_text('{"0": "owl", "1": "fox"}')
    prompts = make_build_prompts(BuildConfig(class_names=str(names)), source).prompts
    assert prompts == [("A photo of a owl",), ("A photo of a fox",)]
    assert not caplog.text


@pytest.fixture(scope="module")
def inversions(
    scenes: Path, stable_diffusion_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("inversions")
    common = {"source": str(scenes), "model": str(stable_diffusion_folder), "resolution": 16}
    learn_classes(InvertConfig(**common, out=out, iterations=3, learning_rate=0.05))
    return out


@pytest.fixture
def settings(scenes: Path, stable_diffusion_folder: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "source": str(scenes),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "num_inference_steps": 5,
        "resolution": 16,
        "preview": 2,
        "noise_ratio": 0.6,
    }


@pytest.mark.parametrize("method", ["dafusion", "genie+txtinv"])
def test_tokens_take_the_place_of_names(
    settings: dict[str, Any], inversions: Path, method: Any
) -> None:
    out = build(BuildConfig(**settings, method=method, inversions=inversions))
    table, names = load_from_disk(str(out)), sorted(CLASSES)
    assert len(table) == (6 if method == "dafusion" else 12)
    for record in table:
        same = record["label"] == record["source_label"]
        assert same == (method == "dafusion")
        assert record["prompt"] == f"A photo of a <{names[record['label']]}>"
        assert record["method"] == method
        assert record["noise_ratio"] == pytest.approx(0.6)
    plain = "img2img" if method == "dafusion" else "genie"
    other = build(BuildConfig(**{**settings, "out": out.with_name("other")}, method=plain))
    images = load_from_disk(str(other))
    assert images["seed"][:] == table["seed"][:]  # the same noise
    same = [np.array_equal(a, b) for a, b in zip(images["image"], table["image"], strict=True)]
    assert not any(same)
    manifest = Manifest.read(out)
    assert manifest.fingerprint["tokens_sha256"].keys() == set(CLASSES)
    assert "tokens_sha256" not in Manifest.read(other).fingerprint


def test_other_tokens_are_another_recipe(
    settings: dict[str, Any], inversions: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in inversions.glob("*.safetensors"):
        (folder / path.name).write_bytes(path.read_bytes())
    config: dict[str, Any] = {**settings, "method": "dafusion"}
    out = build(BuildConfig(**config, inversions=inversions))
    before = (out / "stats" / "00000.json").stat().st_mtime_ns
    build(BuildConfig(**config, inversions=folder))  # the same tokens elsewhere
    assert (out / "stats" / "00000.json").stat().st_mtime_ns == before
    path = folder / "dog.safetensors"
    save_file({token: 2 * value for token, value in load_file(path).items()}, path)
    with pytest.raises(FileExistsError, match=r"differs in fingerprint\.tokens_sha256\.dog"):
        build(BuildConfig(**config, inversions=folder))


def test_a_bank_of_tokens_grows_by_a_class(settings: dict[str, Any], inversions: Path) -> None:
    config: dict[str, Any] = {**settings, "method": "genie+txtinv", "inversions": inversions}
    out = build(BuildConfig(**config, only_classes=("dog", "car")))
    build(BuildConfig(**config))
    counts = Manifest.read(out).counts
    assert (counts["rows"], counts["reused"]) == (12, 8)
    assert Manifest.read(out).fingerprint["tokens_sha256"].keys() == set(CLASSES)


def test_only_targets_need_tokens(
    settings: dict[str, Any], inversions: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "dog.safetensors").write_bytes((inversions / "dog.safetensors").read_bytes())
    config: dict[str, Any] = {**settings, "method": "genie+txtinv", "inversions": folder}
    with pytest.raises(FileNotFoundError, match="no token for 2 of 3 classes: bird, car"):
        build(BuildConfig(**config))
    assert not settings["out"].exists()
    table = load_from_disk(str(build(BuildConfig(**config, only_classes=("dog",)))))
    assert set(table["prompt"]) == {"A photo of a <dog>"}


def test_ada_takes_tokens_too(settings: dict[str, Any], inversions: Path) -> None:
    config = {**settings, "noise_ratio": 0.8, "inversions": inversions, "max_pairs": 2}
    out = build(BuildConfig(**config))
    assert all("<" in prompt for prompt in load_from_disk(str(out))["prompt"])


def test_captions_are_prompts_of_images(settings: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    known = {
        f"{name}/{row:06d}.png": f"a photo of type {name} {row}"
        for k, name in enumerate(CLASSES)
        for row in (2 * k, 2 * k + 1)
    }
    path.write_text(json.dumps(known))
    config = {**settings, "method": "cap2aug", "captions": str(path)}
    out = build(BuildConfig(**config))
    table = load_from_disk(str(out))
    assert {record["source_id"]: record["prompt"] for record in table} == known
    assert table["label"][:] == table["source_label"][:]

    # Another caption is another pair; the rest of the bank stays.
    seeds = {record["source_id"]: record["image"].tobytes() for record in table}
    path.write_text(json.dumps({**known, "dog/000000.png": "a boat"}))
    changed = load_from_disk(str(build(BuildConfig(**config))))
    for record in changed:
        same = record["image"].tobytes() == seeds[record["source_id"]]
        assert same == (record["source_id"] != "dog/000000.png")
    assert Manifest.read(out).counts["network_rows"] == 2 * 3  # one image, 0.6 of 5 steps, twice


def test_mistakes_come_before_work(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "embed_sources", None)  # would fail if it came so far
    path = tmp_path / "captions.json"
    path.write_text("{}")
    config = {**settings, "method": "cap2aug", "captions": str(path)}
    with pytest.raises(ValueError, match="no caption for 6 of 6 images"):
        build(BuildConfig(**config))
    names = {
        f"{name}/{row:06d}.png": "z" * 40 for k, name in enumerate(CLASSES) for row in range(6)
    }
    path.write_text(json.dumps(names))
    with pytest.raises(ValueError, match="tokens, the model reads 24: shorten it"):
        build(BuildConfig(**config))
    with pytest.raises(ValueError, match=r"zzzz' has .* tokens, the model reads 24: shorten it"):
        build(BuildConfig(**{**settings, "method": "genie", "negative_prompt": "z" * 40}))
    missing = str(tmp_path / "new.json")
    with pytest.raises(ValueError, match="cannot be opened as a BLIP"):
        build(BuildConfig(**{**config, "captions": missing, "captioner": "/nowhere"}))
    assert not settings["out"].exists()


def test_the_command_line_of_inversion(
    scenes: Path, stable_diffusion_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "tokens"
    flags = ["--source", str(scenes), "--model", str(stable_diffusion_folder), "--out", str(out)]
    flags += ["--iterations", "2", "--resolution", "16", "--only-classes", "dog", "car"]
    with caplog.at_level(logging.INFO, "genie.invert"):
        invert_main([*flags, "--max-images", "1", "--initializer", "a type of"])
    assert sorted(path.name for path in out.iterdir()) == ["car.safetensors", "dog.safetensors"]
    assert "2 tokens in" in caplog.text
    for mistake, message in (
        (["--only-classes", "cow"], "only_classes ['cow'] are none of the classes"),
        (["--max-images", "2"], "was learned from other images"),
        (["--source", "/nowhere"], "no such folder"),
    ):
        with pytest.raises(SystemExit) as stop:
            invert_main([*flags, *mistake])
        assert stop.value.code == 2
        assert message in caplog.text


def test_prompts_of_a_file_are_recorded_and_only_changed_ones_are_made_again(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "prompts.json"
    prompts = {name: [f"a photo of a {name}", f"a {name}"] for name in CLASSES}
    path.write_text(json.dumps(prompts))
    config = BuildConfig(**settings, method="genie", prompts=str(path))
    rows = load_from_disk(str(build(config)))
    for row in rows:
        assert row["prompt"] in prompts[sorted(CLASSES)[row["label"]]]
    assert len(set(rows["prompt"])) > 3
    prompts["dog"] = ["a dog", "a photo of a dog"]  # another order means nothing
    prompts["car"] = ["type of car"]
    path.write_text(json.dumps(prompts))
    again = Manifest.read(build(config)).counts
    assert (again["rows"], again["reused"]) == (12, 8)
    card = (config.out / "README.md").read_text()
    assert "| file of prompts |" in card
    assert "| prompt |" not in card


def test_several_templates_and_what_cannot_go_together(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    templates = ("a photo of a {target}", "a {target}")
    out = build(BuildConfig(**settings, method="genie", prompt_templates=templates))
    filled = {template.format(target=name) for template in templates for name in CLASSES}
    assert set(load_from_disk(str(out))["prompt"]) <= filled
    with pytest.raises(UserError, match="give --prompt or --prompt-templates"):
        BuildConfig(prompt="a {target}", prompt_templates=templates)
    with pytest.raises(UserError, match=r"has no \{target\}"):
        BuildConfig(prompt_templates=("a dog",))
    with pytest.raises(UserError, match="neither captions nor learned tokens"):
        BuildConfig(prompts="p.json", method="dafusion", inversions=tmp_path)
