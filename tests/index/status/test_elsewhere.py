"""A bank that a URI names is looked at as one on this machine, but for who works on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import BankFormatError, BankNotFoundError, MissingFileError, UserError
from genie_transforms.format import RemoteFolder
from index.build import shards
from index.config import BuildConfig
from index.generate import ShardResult
from index.status import elsewhere, main
from index.status.reading import read_status
from index.status.status import Status
from index.status.text import lines
from tests.index.build import fake
from tests.s3_server import s3_bucket

KNOWN_THERE = "workers      who works on it is known only where it is built"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("shelf") as uri:
        yield uri


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildConfig:
    """A build of four pairs in two shards that costs nothing, in a folder named by a URI."""
    fake.install(monkeypatch.setattr)
    photos = fake.write_photos(tmp_path / "photos")
    there = (tmp_path / "there").as_uri()
    return replace(fake.config_of(photos, Path("x")), out=there, staging=tmp_path / "staging")


def _exit_status(*arguments: str) -> int:
    try:
        main(arguments)
    except SystemExit as ended:
        return int(str(ended.code))
    return 0


def _same(one: Status, other: Status) -> bool:
    def content(status: Status) -> dict[str, Any]:
        ignored = ("bank", "workers", "idle", "speed", "seconds_left", "owner")
        return {key: value for key, value in status.to_json().items() if key not in ignored}

    return content(one) == content(other)


def test_a_bank_in_a_bucket_while_it_is_built_and_after_it(
    bucket: str,
    config: BuildConfig,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    uri = bucket.format("banks/birds")
    config = replace(config, out=uri)
    (Path(config.source) / "cat" / "bad.png").write_bytes(b"")
    seen: list[tuple[Status, Status]] = []

    def run_shard(*arguments: Any) -> ShardResult:
        seen.append((read_status(uri), read_status(config.folder)))
        return fake.run_fake_shard(*arguments)

    monkeypatch.setattr(shards, "run_shard", run_shard)
    fake.fake_build(config)
    for there, here in seen:
        assert (there.stage, there.is_running, there.is_well) == ("generate", True, True)
        assert there.owner is not None
        assert there.owner.owner.process == os.getpid()
        assert (there.workers, KNOWN_THERE in lines(there)) == (None, True)
        assert here.workers
        assert _same(there, here)
    assert [there.done for there, _ in seen] == [0, 2]
    ended = read_status(uri)
    assert (ended.stage, ended.done, ended.owner, ended.is_well) == ("finished", 4, None, True)
    assert _same(ended, read_status(config.folder))
    capsys.readouterr()
    assert _exit_status(uri) == 0
    said = capsys.readouterr().out
    assert said.startswith("bank         s3://shelf/banks/birds\n")
    assert "secret" not in said
    assert KNOWN_THERE not in said  # nobody does
    assert _exit_status(uri, "--json") == 0
    assert json.loads(capsys.readouterr().out)["workers"] is None


def test_what_was_stopped_and_what_is_damaged_there(config: BuildConfig, tmp_path: Path) -> None:
    uri, there = str(config.out), tmp_path / "there"
    fake.fake_build(config)
    (there / "genie.json").unlink()
    (there / "stats" / "00001.json").write_text("{")
    (there / "data-00000-of-00002.arrow").unlink()
    owner = {"host": "h", "machine": "0" * 8, "process": 7, "job": "j", "since": ""}
    (there / "build.lock").write_text(json.dumps({"owner": owner, "folder": "f", "ended": False}))
    os.utime(there / "build.lock", (1.0, 1.0))
    before = sorted(there.rglob("*"))
    stopped = read_status(uri)
    assert sorted(there.rglob("*")) == before
    assert (stopped.is_running, stopped.is_well) == (False, False)
    assert stopped.owner is not None
    assert set(stopped.faults) == {"stats/00000.json", "stats/00001.json"}
    assert all(f"{uri}/" in fault for fault in stopped.faults.values())
    assert KNOWN_THERE in lines(stopped)
    (there / "build.lock").write_text(json.dumps({"owner": owner, "folder": "f", "ended": True}))
    assert read_status(uri).owner is None
    for content in ("", "[]", "[" * 100_000):
        (there / "build.lock").write_text(content)
        assert read_status(uri).owner is None
    assert _exit_status(uri) == 1


def test_a_build_that_ends_while_it_is_looked_at_is_looked_at_again(
    config: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fake_build(config)
    manifest = tmp_path / "there" / "genie.json"
    content, read = manifest.read_bytes(), RemoteFolder.read
    manifest.unlink()

    def read_late(self: RemoteFolder, name: str) -> bytes:
        if name == "stats/00001.json" and not gone:
            gone.append(name)
            manifest.write_bytes(content)
            raise FileNotFoundError(name)
        return read(self, name)

    gone: list[str] = []
    monkeypatch.setattr(elsewhere.RemoteFolder, "read", read_late)
    status = read_status(str(config.out))
    assert gone
    assert (status.stage, status.done, status.is_well) == ("finished", 4, True)


def test_what_is_no_bank_there_is_said_in_a_line(
    bucket: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = fake.write_photos(tmp_path / "photos")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "build.lock").write_text("{}")
    for uri, error, said in (
        (bucket.format("nothing"), BankNotFoundError, "nothing is at s3://shelf/nothing: no build"),
        (photos.as_uri(), BankFormatError, r"photos is not a bank: it has neither"),
        ((tmp_path / "locked").as_uri(), BankFormatError, r"file://\S*/locked is not a bank"),
        (bucket.replace("shelf", "nowhere").format("x"), MissingFileError, "no bucket 'nowhere'"),
        ("ftp://host/x", UserError, "ftp://host/x cannot be opened by pyarrow"),
    ):
        with pytest.raises(error, match=said):
            read_status(uri)
        caplog.clear()
        assert _exit_status(uri) == 2
        assert len(caplog.messages[-1].splitlines()) == 1
        assert "secret" not in caplog.text


def test_it_needs_no_torch(config: BuildConfig) -> None:
    fake.fake_build(config)
    program = (
        "import sys; from index.status import main; main(sys.argv[1:]); "
        "print([name for name in ('torch', 'faiss', 'diffusers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(config.out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
