"""What the few-shot evaluation refuses, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.few_shot.config import FewShotConfig
from benchmarks.few_shot.run import main
from index.command import run_command


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arms": ("genie-adda",)}, "unknown arms \\['genie-adda'\\]"),
        ({"n_way": 7}, r"n_way must lie in \[2, 6\]"),
        ({"k_shot": ()}, "k_shot must be at least 1"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FewShotConfig(work=Path("nowhere"), **settings)
    with pytest.raises(ValueError, match="k_shot 20 needs a pool"):
        FewShotConfig(work=Path("nowhere"), k_shot=(1, 20)).pool()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--arms genie-adda", "unknown arms ['genie-adda']"),
        ("--data.name shoes", "unknown dataset 'shoes'; choose among demo, folder"),
        (
            "--data.name folder --data.root nowhere --data.trained nowhere --data.backbone own",
            "folder is not complete below nowhere: missing nowhere",
        ),
    ],
)
def test_a_users_mistake_is_named_without_a_traceback(
    arguments: str,
    message: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["--work", str(tmp_path / "work"), *arguments.split()]
    with pytest.raises(SystemExit) as caught:
        run_command(main, FewShotConfig, "benchmarks.few_shot", line)
    assert caught.value.code == 2
    said = (caplog.text + capsys.readouterr().err).replace("│", "")
    assert message in " ".join(said.split())
    assert not (tmp_path / "work").exists()
