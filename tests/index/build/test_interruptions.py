"""Signals, full disks, failures and second builders: told in a line, and continued."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import FolderInUseError
from genie_transforms.format import Manifest, verify_bank
from index.build import main, shards
from index.config import BuildConfig
from index.generate import ShardResult
from index.store import hold_folder

from . import fake


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    fake.install(monkeypatch.setattr)
    return fake.config_of(fake.write_photos(tmp_path / "photos"), tmp_path / "bank")


@pytest.fixture
def whole(config: BuildConfig, tmp_path: Path) -> dict[str, bytes]:
    """The files of the same bank, built without any interruption."""
    out = tmp_path / "whole" / config.out.name  # the card names the folder
    fake.fake_build(fake.config_of(Path(config.source), out))
    return fake.files_of(out)


def _flags(config: BuildConfig, *more: str) -> list[str]:
    flags = ["--source", config.source, "--out", str(config.out), "--method", "genie"]
    return [*flags, "--pairs-per-shard", "2", "--preview", "0", "--device", "cpu", *more]


def _status(flags: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _at_second_shard(act: Callable[[], Any]) -> Callable[..., ShardResult]:
    calls: list[int] = []

    def run_shard(*arguments: Any) -> ShardResult:
        calls.append(len(calls))
        if len(calls) == 2:
            act()
        return fake.run_fake_shard(*arguments)

    return run_shard


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drops_the_running_shard_and_says_how_to_go_on(
    config: BuildConfig,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: signal.Signals,
    status: int,
) -> None:
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(shards, "run_shard", _at_second_shard(lambda: os.kill(os.getpid(), number)))
        assert _status(_flags(config)) == status
    assert signal.getsignal(number) is before
    assert f"stopped by {number.name}: 1 shards of {config.out} are finished" in caplog.text
    assert "Traceback" not in caplog.text
    assert not [path for path in config.out.rglob("*") if path.name.startswith(".")]
    assert not (config.out / "build.lock").exists()
    main(_flags(config))
    assert fake.files_of(config.out) == whole


def _failing_at(call: int, number: int) -> Callable[[int], None]:
    flush, calls = os.fsync, iter(range(10**6))

    def fsync(descriptor: int) -> None:
        if next(calls) >= call:
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    return fsync


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (0, errno.ENOSPC),  # the lock
        (1, errno.EIO),
        (5, errno.EDQUOT),
        (12, errno.ENOSPC),
        (23, errno.EIO),
        (35, errno.ENOSPC),
    ],
)
def test_a_disk_that_fills_up_is_one_line_and_the_build_goes_on_later(
    config: BuildConfig,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: int,
    number: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _failing_at(call, number))
        assert _status(_flags(config)) == 2
    line = caplog.records[-1].getMessage()
    assert line.startswith(f"error: cannot write {config.out}")
    assert os.strerror(number) in line
    assert line.endswith("the same command goes on")
    main(_flags(config))
    assert fake.files_of(config.out) == whole


def test_a_second_builder_is_told_who_builds(
    config: BuildConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with hold_folder(config.out, "the-first"):
        with pytest.raises(FolderInUseError, match="job the-first"):
            fake.fake_build(config)
        assert _status(_flags(config)) == 2
    assert "is being built by process" in caplog.text
    main(_flags(config))


def test_a_builder_whose_folder_was_taken_over_stops(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over() -> None:
        path = config.out / "build.lock"
        path.write_text(json.dumps({**json.loads(path.read_text()), "job": "another"}))

    monkeypatch.setattr(shards, "run_shard", _at_second_shard(taken_over))
    photos = fake.write_photos(Path(config.source), per_class=4)
    with pytest.raises(FolderInUseError, match=r"job another.*this build stops"):
        fake.fake_build(fake.config_of(photos, config.out))
    assert not (config.out / "genie.json").exists()


def _failing_before(seeds: int, targets: set[int]) -> Callable[..., ShardResult]:
    """Pairs of some targets give black images with their first seeds."""

    def run_shard(context: Any, plan: Any, shown: Any = (), first: Any = None) -> ShardResult:
        result = fake.run_fake_shard(context, plan, shown, first)
        begin = first or {}
        for place in reversed(range(len(plan))):
            source, target = int(plan.sources[place]), int(plan.targets[place])
            begun = begin.get(place, 0)
            if target in targets and begun + 3 <= seeds:
                for part in (result.rows, result.positions, result.embeddings):
                    del part[place]
                tried = {"attempts": begun + 3, "reasons": ["black"] * 3, "reason": "black"}
                pair = {"source": source, "target": target, "variation": 0}
                result.failures.insert(0, {**pair, **tried})
        return result

    return run_shard


@pytest.fixture
def failed(config: BuildConfig, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    monkeypatch.setattr(shards, "run_shard", _failing_before(4, {1}))
    return config


def _failures(out: Path) -> list[dict[str, Any]]:
    read = [json.loads(path.read_text()) for path in sorted((out / "stats").iterdir())]
    return [failure for stats in read for failure in stats["failures"]]


def test_failures_end_with_status_1_and_can_be_tried_again(
    whole: dict[str, bytes], failed: BuildConfig, caplog: pytest.LogCaptureFixture
) -> None:
    out = failed.out
    assert _status(_flags(failed)) == 1
    assert f"2 pairs failed: {out / 'stats' / '*.json'} say which and why" in caplog.text
    assert [(one["attempts"], one["reasons"]) for one in _failures(out)] == [(3, ["black"] * 3)] * 2
    assert Manifest.read(out).counts["failed"] == 2
    assert _status(_flags(failed)) == 1  # nothing is tried again unasked
    assert len(_failures(out)) == 2
    main(_flags(failed, "--retry-failed"))
    assert _failures(out) == []
    assert verify_bank(out) == []
    rows = {name: data for name, data in whole.items() if name.startswith(("data", "embed"))}
    assert rows.items() <= fake.files_of(out).items()


def test_a_pair_that_fails_again_keeps_all_its_reasons(
    failed: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _status(_flags(failed)) == 1
    monkeypatch.setattr(shards, "run_shard", _failing_before(8, {1}))
    assert _status(_flags(failed, "--retry-failed")) == 1
    assert [(one["attempts"], len(one["reasons"])) for one in _failures(failed.out)] == [(6, 6)] * 2
    main(_flags(failed, "--retry-failed"))
    assert _failures(failed.out) == []


def test_an_interrupted_retry_tries_no_pair_more_often(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, calls = _failing_before(8, {0, 1}), []

    def interrupted(*arguments: Any) -> ShardResult:
        calls.append(arguments)
        if len(calls) == 4:  # the second shard of the second round
            os.kill(os.getpid(), signal.SIGINT)
        return again(*arguments)

    monkeypatch.setattr(shards, "run_shard", interrupted)
    assert _status(_flags(config)) == 1
    assert _status(_flags(config, "--retry-failed")) == 130
    assert [one["attempts"] for one in _failures(config.out)] == [6, 6, 3, 3]
    assert _status(_flags(config, "--retry-failed")) == 1
    assert [one["attempts"] for one in _failures(config.out)] == [6, 6, 6, 6]


def test_a_bank_of_no_rows_has_a_summary(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "run_shard", _failing_before(3, {0, 1}))
    assert "4 planned, 0 made, 4 failed" in fake.fake_build(config)
    assert verify_bank(config.out) == []
