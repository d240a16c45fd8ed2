"""A bank whose `--out` is a URI has the bytes of a local one, wherever it is killed and goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import Bank, FolderInUseError, MissingFileError, UserError
from genie_transforms.format import RemoteFolder, remote
from index.build import builder, main
from index.config import BuildConfig
from index.store import finished_shards, remote_lock
from tests.s3_server import files_at, s3_bucket

from . import fake

EVERY = 6
"""One of so many changes of the remote folder is tried as the last one."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("shelf") as uri:
        yield uri


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fake.install(monkeypatch.setattr)
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake.write_photos(tmp_path / "photos")


def _to(photos: Path, uri: str, staging: Path | None = None, **changes: Any) -> BuildConfig:
    return replace(fake.config_of(photos, Path("x"), **changes), out=uri, staging=staging)


def _local(photos: Path, out: Path) -> dict[str, bytes]:
    fake.fake_build(fake.config_of(photos, out))
    return fake.files_of(out)


def test_a_bank_on_s3_is_the_one_that_is_built_here_also_when_it_grows(
    bucket: str, photos: Path, tmp_path: Path
) -> None:
    uri = bucket.format("banks/one")
    said = fake.fake_build(_to(photos, uri))
    assert "secret" not in said
    assert said.splitlines()[-1] == "sent to      s3://shelf/banks/one"
    assert files_at(uri) == _local(photos, tmp_path / "one")
    assert len(files_at(uri)) > 8
    fake.write_photos(photos, per_class=3)
    shutil.rmtree(tmp_path / "cache")  # another machine
    fake.fake_build(_to(photos, uri))
    assert files_at(uri) == _local(photos, tmp_path / "one")
    # A bank that is there is fetched once, and another one if it was built again.
    bank = Bank.open(uri, keep=None)
    assert len(bank) == len(Bank.open(tmp_path / "one", keep=None))
    assert bank.verify() == []
    assert Bank.open(uri).path == bank.path


_KILLED = """
import json, os, signal, sys
from pathlib import Path
from index.build import shards
from tests.index.build import fake

def run_shard(*arguments):
    run_shard.calls += 1
    if run_shard.calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return fake.run_fake_shard(*arguments)

run_shard.calls = 0
fake.install(run_shard=run_shard)
photos, uri, staging = sys.argv[1:]
fake.fake_build(fake.config_of(Path(photos), uri, staging=Path(staging)))
"""


def test_what_is_killed_goes_on_from_another_machine(
    bucket: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = bucket.format("two")
    command = [sys.executable, "-c", _KILLED, str(photos), uri, str(tmp_path / "lost")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    shutil.rmtree(tmp_path / "lost")
    assert "build.lock" in files_at(uri)
    assert "genie.json" not in files_at(uri)
    made: list[int] = []

    def run_shard(*arguments: Any) -> Any:
        made.append(len(made))
        return fake.run_fake_shard(*arguments)

    fake.install(monkeypatch.setattr, run_shard)
    fake.fake_build(_to(photos, uri, tmp_path / "new"))
    assert len(made) == 1  # of two: the other one was fetched
    assert files_at(uri) == _local(photos, tmp_path / "two")


class Killed(BaseException):
    """The process is no more."""


class _Kill:
    """Lets a number of changes of remote folders happen, and nothing more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.last = 0, sys.maxsize
        for name in ("_written", "remove"):
            monkeypatch.setattr(RemoteFolder, name, self._counted(getattr(RemoteFolder, name)))

    def _counted(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            if self.count == self.last:
                raise Killed
            self.count += 1
            return act(*arguments)

        return counted


@pytest.mark.parametrize("grows", [False, True])
def test_it_may_be_killed_at_any_change_of_the_remote_folder(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, grows: bool
) -> None:
    monkeypatch.setattr("index.build.finish.write_report", lambda out, source_image: None)  # slow
    place = tmp_path / "there" / "bank"
    uri = place.as_uri()
    if grows:
        fake.fake_build(_to(photos, uri, tmp_path / "first"))
        _local(photos, tmp_path / "bank")
        fake.write_photos(photos, per_class=3)
    whole = _local(photos, tmp_path / "bank")
    before = shutil.copytree(tmp_path / "there", tmp_path / "before") if grows else None
    monkeypatch.setattr(remote_lock, "is_alive", lambda machine, process: False)
    kill = _Kill(monkeypatch)
    fake.fake_build(_to(photos, uri, tmp_path / "counted"))
    assert files_at(uri) == whole
    assert kill.count > 15
    for point in range(0, kill.count, EVERY):
        shutil.rmtree(tmp_path / "there")
        if before is not None:
            shutil.copytree(before, tmp_path / "there")
        kill.count, kill.last = 0, point
        with pytest.raises(Killed):
            fake.fake_build(_to(photos, uri, tmp_path / f"killed-{point}"))
        kill.last = sys.maxsize
        if (place / "genie.json").exists():
            assert Bank.open(place, keep=None).verify() == []
        # Either machine may go on.
        again = f"new-{point}" if point % (2 * EVERY) else f"killed-{point}"
        fake.fake_build(_to(photos, uri, tmp_path / again))
        assert files_at(uri) == whole, point


def test_a_working_folder_that_another_machine_has_overtaken_follows(
    photos: Path, tmp_path: Path
) -> None:
    uri = (tmp_path / "there" / "bank").as_uri()
    one, other = (_to(photos, uri, tmp_path / name) for name in ("one", "other"))
    fake.fake_build(one)
    _local(photos, tmp_path / "bank")
    fake.write_photos(photos, per_class=3)
    fake.fake_build(other)
    fake.fake_build(one)
    here = fake.files_of(one.folder)
    here.pop("mirror.json")
    assert here == files_at(uri) == _local(photos, tmp_path / "bank")
    # Somebody has emptied the place: what is here is not thrown away for it.
    shutil.rmtree(tmp_path / "there")
    fake.fake_build(one)
    assert files_at(uri) == here


def test_a_network_that_fails_is_told_in_a_line_and_loses_nothing(
    bucket: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    uri = bucket.format("four")
    config = _to(photos, uri, tmp_path / "staging")
    put = RemoteFolder._written

    def written(self: RemoteFolder, name: str, write: Any, size: int) -> Any:
        def fail(target: str) -> None:
            raise OSError("AWS Error NETWORK_CONNECTION\nand more")

        return put(self, name, fail if name.startswith("stats/") else write, size)

    monkeypatch.setattr(RemoteFolder, "_written", written)
    flags = ["--source", str(photos), "--out", uri, "--staging", str(config.staging)]
    flags += ["--method", "genie", "--pairs-per-shard", "2", "--preview", "0", "--device", "cpu"]
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert caplog.messages[-1] == (
        "error: cannot write s3://shelf/four/stats/00000.json: AWS Error NETWORK_CONNECTION; once "
        "that is mended, the same command goes on"
    )
    assert "secret" not in caplog.text
    assert finished_shards(config.folder)
    monkeypatch.setattr(RemoteFolder, "_written", put)
    monkeypatch.setattr("index.build.shards.run_shard", fake.run_fake_shard)
    fake.fake_build(config)
    assert files_at(uri) == _local(photos, tmp_path / "four")


def test_a_second_builder_is_refused_until_the_first_is_dead(
    bucket: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = bucket.format("five")
    first = remote_lock.RemoteLock(RemoteFolder.open(uri), "first")
    first.take()
    # From another machine, which knows no more than how old the lock is.
    owner = replace(first._owner, machine="00000000")
    first._write(remote_lock._Claim(owner, "first"))
    with pytest.raises(FolderInUseError, match=r"five is being built by process .* free in \d+ s"):
        fake.fake_build(_to(photos, uri))
    first.check()
    monkeypatch.setattr(remote_lock, "DEAD_AFTER", -1.0)
    fake.fake_build(_to(photos, uri))
    with pytest.raises(FolderInUseError, match="taken over by somebody who removed"):
        first.check()
    first.release(whole=False)
    assert "build.lock" not in files_at(uri)


def test_what_cannot_be_opened_is_refused_before_a_model_is_loaded(
    bucket: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_build(*arguments: Any) -> None:
        raise AssertionError("a model is loaded")

    monkeypatch.setattr(builder, "open_build", open_build)
    (tmp_path / "file").write_text("")
    (tmp_path / "photos" / "mine.txt").write_text("")
    for uri, error, message in [
        (bucket.replace("shelf", "nowhere").format("x"), MissingFileError, "no bucket 'nowhere'"),
        ("ftp://host/x", UserError, "ftp://host/x cannot be opened by pyarrow .*s3://"),
        ("s3://", UserError, "s3:// names no folder"),
        ((tmp_path / "file").as_uri(), UserError, "is a file"),
        (photos.as_uri(), FolderInUseError, "is not empty and not a bank"),
    ]:
        with pytest.raises(error, match=message) as raised:
            fake.fake_build(_to(photos, uri, tmp_path / "staging"))
        assert "secret" not in str(raised.value)
    with pytest.raises(UserError, match=r"staging .* is for an out that is a URI"):
        fake.config_of(photos, tmp_path / "bank", staging=tmp_path)
    with pytest.raises(UserError, match="has lost a slash"):
        fake.config_of(photos, Path("s3://shelf/x"))


def test_settings_name_the_working_folder() -> None:
    uri = "s3://{}shelf/banks/birds?region=eu-west-1"
    staging = Path("scratch")
    one = BuildConfig(out=uri.format("key:secret@"), staging=staging)
    assert one.folder == BuildConfig(out=uri.format(""), staging=staging).folder
    assert one.folder.parent.parent == staging
    assert one.folder.name == "birds"
    assert "secret" not in json.dumps(one.recipe())
    assert BuildConfig(out="banks/birds").folder == Path("banks/birds")
    assert asdict(BuildConfig(out="banks/birds"))["out"] == Path("banks/birds")
