"""Commands end with the exit status that they document."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from genie_transforms import UserError
from index.command import run_command


@dataclass(frozen=True)
class Config:
    """Count.

    Attributes:
        count: How far.
    """

    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 0:
            raise UserError(f"count must not be negative, got {self.count}")


def test_settings_reach_the_action() -> None:
    given: list[Config] = []
    run_command(given.append, Config, "index.count", ["--count", "3"])
    assert given == [Config(3)]


def test_a_mistake_of_the_users_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(config: Config) -> None:
        raise UserError(f"count {config.count} is too far: give less")

    with pytest.raises(SystemExit) as stop:
        run_command(refuse, Config, "index.count", [])
    assert stop.value.code == 2
    assert [record.message for record in caplog.records] == ["error: count 1 is too far: give less"]


@dataclass(frozen=True)
class Nested:
    """Count twice.

    Attributes:
        first: How far first.
        second: How far then.
    """

    first: Config = Config()
    second: Config = Config()


@pytest.mark.parametrize(
    ("settings", "flag", "groups"),
    [
        (Config, "--count", None),
        (Config, "--count", {"all": ["count"]}),
        (Nested, "--second.count", None),
    ],
)
def test_settings_refuse_a_value_in_one_line(
    settings: type[Config | Nested],
    flag: str,
    groups: dict[str, list[str]] | None,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(SystemExit) as stop:
        run_command(print, settings, "index.count", [flag, "-1"], groups=groups)
    assert stop.value.code == 2
    message = "error: count must not be negative, got -1"
    assert [record.message for record in caplog.records] == [message]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["--count", "x"], ["--cuont", "1"]])
def test_what_cannot_be_parsed_is_shown_with_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run_command(print, Config, "index.count", arguments)
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert arguments[0] in shown.err
    assert "How far." in shown.err


def test_a_bug_keeps_its_traceback_and_an_exit_status_its_number() -> None:
    def fail(config: Config) -> None:
        raise ValueError("not the user's fault")

    def find(config: Config) -> None:
        raise SystemExit(1)

    with pytest.raises(ValueError, match="not the user's fault"):
        run_command(fail, Config, "index.count", [])
    with pytest.raises(SystemExit) as stop:
        run_command(find, Config, "index.count", [])
    assert stop.value.code == 1
