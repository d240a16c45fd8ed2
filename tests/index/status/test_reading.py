"""A folder is looked at while a build writes there, when it was stopped, and when it is damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import BankFormatError, BankNotFoundError
from genie_transforms.format import this_machine
from index.build import build, shards
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.generate import ShardResult
from index.status import main
from index.status import shards as seen_shards
from index.status.reading import UNKNOWN, read_status
from index.status.status import Status
from index.store import hold_folder
from tests.banks import row, write_bank
from tests.index.build import fake
from tests.index.build.killed import build_and_kill


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    """A build of four pairs in two shards that costs nothing."""
    fake.install(monkeypatch.setattr)
    return fake.config_of(fake.write_photos(tmp_path / "photos"), tmp_path / "bank")


@pytest.fixture
def bank(config: BuildConfig) -> Path:
    fake.fake_build(config)
    return config.out


def _status_of_command(bank: Path) -> int:
    try:
        main([str(bank)])
    except SystemExit as ended:
        return int(str(ended.code))
    return 0


def test_a_real_build_that_is_killed_and_goes_on(
    tmp_path: Path, stable_diffusion_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Scenes(1, classes=("star", "ring", "heart"), seed=1).write_image_folder(tmp_path / "scenes")
    settings: dict[str, Any] = {
        "source": str(tmp_path / "scenes"),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "method": "genie",
        "num_inference_steps": 4,
        "resolution": 16,
        "pairs_per_shard": 4,
        "preview": 0,
        "device": "cpu",
    }
    build_and_kill(settings)
    killed = read_status(tmp_path / "bank")
    assert (killed.stage, killed.is_running, killed.is_well) == ("generate", False, False)
    assert (killed.done, killed.planned, killed.shards, killed.planned_shards) == (4, 6, 1, 2)
    assert killed.owner is not None
    assert not killed.owner.alive
    assert killed.seconds_left is None
    assert killed.faults == {}
    assert _status_of_command(tmp_path / "bank") == 1
    said = capsys.readouterr().out
    assert "stopped while pairs are generated" in said
    assert "dead or suspended" in said
    assert "the command that began it goes on from here" in said
    out = build(BuildConfig(**settings))
    ended = read_status(out)
    assert (ended.stage, ended.done, ended.planned, ended.owner) == ("finished", 6, 6, None)
    assert ended.is_well
    assert ended.network_rows > 0
    assert set(ended.seconds) > {"read", "select"}
    assert _status_of_command(out) == 0
    assert "work " in capsys.readouterr().out


def _spying(config: BuildConfig, monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """Build, and look at the folder whenever a shard is about to be made."""
    found: list[Status] = []

    def run_shard(*arguments: Any) -> ShardResult:
        found.append(read_status(config.out))
        return fake.run_fake_shard(*arguments)

    monkeypatch.setattr(shards, "run_shard", run_shard)
    fake.fake_build(config)
    return found


def test_while_it_is_built(config: BuildConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path(config.source) / "cat" / "bad.png").write_bytes(b"")
    first, second = _spying(config, monkeypatch)
    for seen in (first, second):
        assert (seen.stage, seen.is_running, seen.is_well) == ("generate", True, True)
        assert (seen.planned, seen.planned_shards, seen.source_blocks) == (4, 2, 1)
        assert seen.owner is not None
        assert seen.owner.owner.process == os.getpid()
        assert (seen.bad_images, len(seen.examples)) == (1, 1)
        assert "bad.png" in seen.examples[0]
    assert (first.done, first.idle, second.done) == (0, None, 2)


def test_speed_and_time_left_by_hand(bank: Path, config: BuildConfig) -> None:
    # Shards of 2 pairs ended at 100 and 120 s; it is 130 s: 2 pairs in 30 s, 4 more to go.
    (bank / "genie.json").unlink()
    plan = json.loads((bank / "build.json").read_text())
    plan["plan"]["pairs"] = 8
    (bank / "build.json").write_text(json.dumps(plan))
    with hold_folder(bank):
        start = time.time() + 5
        for number, seconds in enumerate((100, 120)):
            os.utime(bank / "embeddings" / f"{number:05d}.arrow", (start + seconds,) * 2)
        os.utime(bank / "build.lock", (start + 127,) * 2)
        seen = read_status(bank, now=start + 130)
        assert seen.is_running
        assert seen.speed == pytest.approx(2 / 30)
        assert seen.seconds_left == pytest.approx(60)
        assert seen.idle == pytest.approx(10)
        # What was made before this run began tells nothing of its speed.
        os.utime(bank / "embeddings" / "00000.arrow", (1.0, 1.0))
        assert read_status(bank, now=start + 130).speed is None
        silent = read_status(bank, now=start + 300)  # suspended: it still holds its lock
        assert (silent.is_running, silent.stage) == (False, "generate")
    assert read_status(bank).owner is None


@pytest.mark.parametrize(("age", "alive"), [(60.0, True), (200.0, False)])
def test_an_owner_on_another_machine_is_known_by_its_heartbeat(
    bank: Path, age: float, alive: bool
) -> None:
    owner = {"host": "far", "machine": "0" * 8, "process": 7, "job": "j", "since": "2026-01-01"}
    (bank / "build.lock").write_text(json.dumps(owner))
    now = (bank / "build.lock").stat().st_mtime + age
    seen = read_status(bank, now)
    assert seen.owner is not None
    assert (seen.owner.alive, round(seen.owner.age)) == (alive, round(age))
    assert seen.is_well  # it is finished, whoever left a lock


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"host": "x", "machine": "y", "process": -1, "job": "", "since": ""}'],
)
def test_a_lock_that_says_nothing_is_nobodys(bank: Path, content: str) -> None:
    (bank / "build.lock").write_text(content)
    assert read_status(bank).owner is None


def test_failures_are_counted_by_reason(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(context: Any, plan: Any, *more: Any) -> ShardResult:
        result = fake.run_fake_shard(context, plan, *more)
        source, target = int(plan.sources[0]), int(plan.targets[0])
        for part in (result.rows, result.positions, result.embeddings):
            del part[0]
        pair = {"source": source, "target": target, "variation": 0, "attempts": 3}
        result.failures.append({**pair, "reason": "black\x1b[2J", "reasons": ["black"] * 3})
        return result

    monkeypatch.setattr(shards, "run_shard", failing)
    fake.fake_build(config)
    seen = read_status(config.out)
    assert (seen.made, seen.failed, seen.done) == (2, {"black\x1b[2J": 2}, 4)
    assert _status_of_command(config.out) == 1
    said = capsys.readouterr().out
    assert "2 x black\N{REPLACEMENT CHARACTER}[2J" in said
    assert "--retry-failed" in said


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _other_rows(path: Path) -> None:
    path.write_text(path.read_text().replace('"rows": 2', '"rows": 3'))


@pytest.mark.parametrize(
    ("name", "damage", "named"),
    [
        ("genie.json", _cut, "genie.json"),
        ("stats/00001.json", _cut, "stats/00001.json"),
        ("stats/00001.json", _other_rows, "stats/00001.json"),
        ("stats/00001.json", lambda path: path.write_text("[3]"), "stats/00001.json"),
        ("data-00000-of-00002.arrow", Path.unlink, "stats/00000.json"),
        ("embeddings/00000.arrow", Path.unlink, "stats/00000.json"),
        ("stats/00000.json", Path.unlink, "data-00000-of-00002.arrow"),
        ("build.json", _cut, "build.json"),
    ],
)
def test_damage_is_named(bank: Path, name: str, damage: Callable[[Path], Any], named: str) -> None:
    damage(bank / name)
    assert named in read_status(bank).faults
    assert _status_of_command(bank) == 1


def test_a_pipe_is_not_waited_for(bank: Path) -> None:
    for name in ("build.json", "build.lock", "stats/00000.json"):
        (bank / name).unlink(missing_ok=True)
        os.mkfifo(bank / name)
    assert set(read_status(bank).faults) >= {"build.json", "stats/00000.json"}


def test_a_file_that_goes_while_it_is_read_is_no_damage(
    bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bank / "genie.json").unlink()
    read = seen_shards.read_json

    def read_late(folder: Path, name: str) -> Any:
        if name.endswith("00001.json"):
            (folder / name).unlink(missing_ok=True)
        return read(folder, name)

    monkeypatch.setattr(seen_shards, "read_json", read_late)
    seen = read_status(bank)
    assert (seen.shards, seen.done, seen.faults) == (1, 2, {})


def test_a_build_that_ends_meanwhile_is_looked_at_again(
    bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = (bank / "genie.json").read_bytes()
    (bank / "genie.json").unlink()
    holding = hold_folder(bank)
    holding.__enter__()
    read, ended = seen_shards.read_json, []

    def read_late(folder: Path, name: str) -> Any:
        if not ended:
            ended.append(True)
            holding.__exit__(None, None, None)
            (bank / "genie.json").write_bytes(manifest)
        return read(folder, name)

    monkeypatch.setattr(seen_shards, "read_json", read_late)
    seen = read_status(bank)
    assert (seen.stage, seen.owner, seen.is_well) == ("finished", None, True)


def test_a_bank_without_statistics(tmp_path: Path) -> None:
    merged = write_bank(tmp_path / "merged", [row(0, 0, 0, 1), row(1, 1, 1, 2)])
    seen = read_status(merged)
    assert (seen.stage, seen.made, seen.planned, seen.is_well) == ("finished", 2, 2, True)
    path = merged / "genie.json"
    content = json.loads(path.read_text())
    content["counts"] = {"pairs": 3, "failed": 1}
    path.write_text(json.dumps(content))
    assert read_status(merged).failed == {UNKNOWN: 1}


def test_what_is_no_bank_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos = fake.write_photos(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for path, error, said in (
        (tmp_path / "nowhere", BankNotFoundError, "no folder at"),
        (tmp_path / "empty", BankNotFoundError, "is empty"),
        (photos, BankFormatError, "is not a bank"),
        (tmp_path / "file", BankFormatError, "no folder that can be read"),
    ):
        with pytest.raises(error, match=said):
            read_status(path)
        assert _status_of_command(path) == 2
        assert said in caplog.text


def test_it_writes_nothing_and_needs_no_torch(bank: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        paths = [bank, *bank.rglob("*")]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}

    before = state()
    program = (
        "import sys; from index.status import main; main(sys.argv[1:]); "
        "print([name for name in ('torch', 'faiss', 'diffusers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(bank), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    content = json.loads(done.stdout.rpartition("}")[0] + "}")
    assert (content["done"], content["planned"], content["is_well"]) == (4, 4, True)
    assert state() == before
    (bank / "build.lock").write_text(
        json.dumps(
            {
                "host": "h",
                "machine": this_machine(),
                "process": os.getpid(),
                "job": "j",
                "since": "",
            }
        )
    )
    running = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(running.stdout.rpartition("}")[0] + "}")["owner"]["alive"]
