"""The command line of the build: groups that hold every setting, and settings from a file."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from genie_transforms import UserError
from index.build import main
from index.build.command import GROUPS
from index.command import run_command
from index.config import BuildConfig
from index.grouped import field_helps
from index.settings_file import flags_of_file


def parse(*arguments: str) -> BuildConfig:
    given: list[BuildConfig] = []
    run_command(given.append, BuildConfig, "index.build", arguments, groups=GROUPS)
    return given[0]


def test_every_setting_is_in_one_group_and_has_a_help() -> None:
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(one.name for one in fields(BuildConfig))
    assert field_helps(BuildConfig).keys() == set(names)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_fits_a_screen_and_help_all_shows_the_rest(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    own, more = [one.name for one in fields(BuildConfig)], {"--config", "--preset"}
    flags = {f"--{name.replace('_', '-')}" for name in own} | more
    shown = {}
    for wanted in ("--help", "--help-all"):
        with pytest.raises(SystemExit) as stop:
            main([wanted])
        assert stop.value.code == 0
        shown[wanted] = capsys.readouterr().out
        assert max(map(len, shown[wanted].splitlines())) <= int(columns)
    first = {f"--{name.replace('_', '-')}" for name in GROUPS["essential"]} | more
    assert set(re.findall(r"^(?:│ |  )(--[\w-]+)", shown["--help"], re.MULTILINE)) == first
    assert len(shown["--help"].splitlines()) <= 50
    assert f"--help-all shows all {len(own)}" in " ".join(shown["--help"].split())
    everything = shown["--help-all"]
    assert set(re.findall(r"^(?:│ |  )(--[\w-]+)", everything, re.MULTILINE)) == flags
    assert everything.index("essential") < everything.index("--source") < everything.index("model")


@pytest.mark.parametrize("given", [["--model", "sd"], ["--source", "photos"]])
def test_the_demos_backbone_is_for_the_demo(
    given: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--backbone", "demo", *given])
    assert stop.value.code == 2
    assert "--backbone demo knows nothing but the demo's shapes" in caplog.text
    assert "leave --backbone out for torchvision:resnet50" in caplog.text


def test_flags_are_the_keywords() -> None:
    assert parse() == BuildConfig()
    given = parse(
        *("--source", "birds", "--noise-ratios", "0.4", "0.6", "--compile", "--out", "x"),
        *("--only-classes", "fox", "owl", "--guidance-scale", "None"),
    )
    assert given == BuildConfig(
        source="birds",
        noise_ratios=(0.4, 0.6),
        compile=True,
        out=Path("x"),
        only_classes=("fox", "owl"),
    )


def test_a_file_gives_defaults_that_flags_override(tmp_path: Path) -> None:
    path = tmp_path / "build.yaml"
    path.write_text(
        "source: birds\nnoise-ratios: [0.4, 0.6]\ncompile: true\nlora: null\nmax_pairs: 9\n"
        "negative_prompt: -blurred\n"
    )
    expected = {
        "source": "birds",
        "noise_ratios": (0.4, 0.6),
        "compile": True,
        "negative_prompt": "-blurred",
    }
    assert parse("--config", str(path)) == BuildConfig(**expected, max_pairs=9)  # type: ignore[arg-type]
    overridden = parse("--max-pairs", "3", f"--config={path}", "--no-compile")
    assert overridden == BuildConfig(**{**expected, "compile": False}, max_pairs=3)  # type: ignore[arg-type]


def test_the_recipe_of_a_bank_is_such_a_file(tmp_path: Path) -> None:
    config = BuildConfig(only_classes=("fox",), method="genie", safety_checker="off", seed=3)
    path = tmp_path / "genie.json"
    path.write_text(json.dumps({"recipe": config.recipe(), "classes": ["fox", "owl"]}))
    assert parse("--config", str(path)) == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("max_pears: 3\nsorce: x", r"no settings are called \['max_pears', 'sorce'\]"),
        ("- 3", "must map settings to values"),
        ("safety_checker: off", "safety_checker cannot be False; quote words such as on and off"),
        ("compile: 3", "compile cannot be 3; give true or false"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_file_that_sets_nothing_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "build.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        flags_of_file(path, BuildConfig)


def test_values_of_a_file_are_checked_as_flags_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "build.yaml"
    for content, named in (("max_pairs: many", "--max-pairs"), ("variations: 0", "variations")):
        path.write_text(content)
        with pytest.raises(SystemExit) as stop:
            parse("--config", str(path))
        assert stop.value.code == 2
        assert named in capsys.readouterr().err + caplog.text
    with pytest.raises(SystemExit):
        parse("--config", str(tmp_path / "none.yaml"))
    assert "none.yaml: No such file" in caplog.text
