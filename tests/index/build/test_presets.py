"""A preset is a name for flags: they win over it, and the recipe has no trace of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.build.command import GROUPS
from index.build.presets import PRESETS
from index.command import run_command
from index.config import BuildConfig


def _parsed(*arguments: str) -> BuildConfig:
    given: list[BuildConfig] = []
    run_command(given.append, BuildConfig, "index.build", arguments, groups=GROUPS, presets=PRESETS)
    return given[0]


def test_paper_sets_nothing() -> None:
    assert _parsed("--preset", "paper") == _parsed() == BuildConfig()


def test_fast_is_what_its_flags_are() -> None:
    fast = BuildConfig(
        num_inference_steps=12, guidance_interval=(200.0, 800.0), ada="preview", ada_steps=2
    )
    assert _parsed("--preset", "fast") == _parsed("--preset=fast") == fast
    assert fast.recipe()["guidance_interval"] == [200.0, 800.0]
    assert "preset" not in fast.recipe()


def test_flags_and_files_win_over_a_preset(tmp_path: Path) -> None:
    given = _parsed("--num-inference-steps", "25", "--preset", "fast", "--ada", "full")
    assert (given.num_inference_steps, given.ada, given.ada_steps) == (25, "full", 2)
    (tmp_path / "settings.yaml").write_text("ada_steps: 4\nguidance_interval: [0, 1000]\n")
    given = _parsed("--preset", "fast", "--config", str(tmp_path / "settings.yaml"))
    assert (given.num_inference_steps, given.ada_steps) == (12, 4)
    assert given.guidance_interval == (0.0, 1000.0)


def test_another_name_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        _parsed("--preset", "cheap")
    assert "--preset must be one of paper, fast, got 'cheap'" in caplog.text
