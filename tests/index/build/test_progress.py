"""Progress is said by a bar on a terminal, and by a line now and then in a log."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from index.build import progress, shards
from index.build.progress import Progress

from . import fake
from .test_interruptions import _failing_before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "genie.build")
    seconds = [0.0]
    shown = Progress("pairs", "pair", 1000, done=100, failed=1, clock=lambda: seconds[0])
    for at, failed in ((4.0, 0), (10.0, 2), (19.0, 0), (20.0, 0)):
        seconds[0] = at
        shown.add(50, failed)
    shown.close()
    assert [record.getMessage() for record in caplog.records] == [
        "pairs: 200 of 1000 (20%), 10 pairs/s, 3 failed, 80 s left",
        "pairs: 300 of 1000 (30%), 10 pairs/s, 3 failed, 70 s left",
    ]


def test_before_anything_is_done_there_is_no_speed() -> None:
    assert Progress("pairs", "pair", 0, clock=lambda: 5.0).line() == "pairs: 0 of 0 (0%), 0 failed"


def test_a_terminal_gets_a_bar_with_the_failures(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "genie.build")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    shown = Progress("pairs", "pair", 4)
    shown.add(2, 1)
    shown.close()
    assert "2/4" in terminal.getvalue()
    assert "failed=1" in terminal.getvalue()
    assert caplog.records == []


def test_a_build_counts_pairs_failures_and_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "genie.build")
    monkeypatch.setattr(progress, "EVERY", 0.0)
    fake.install(monkeypatch.setattr, _failing_before(3, {1}))
    config = fake.config_of(fake.write_photos(tmp_path / "photos"), tmp_path / "bank")
    fake.fake_build(config)
    said = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("embed sources: 4 of 4 (100%)") for line in said)
    assert any(line.startswith("pairs: 4 of 4 (100%)") and "2 failed" in line for line in said)
    monkeypatch.setattr(shards, "run_shard", _failing_before(6, {1}))
    fake.fake_build(fake.config_of(Path(config.source), config.out, retry_failed=True))
    assert "failed pairs: 2 of 2 (100%)" in caplog.text
    line = next(r.getMessage() for r in caplog.records if "failed pairs: 2" in r.getMessage())
    assert "2 failed" in line
