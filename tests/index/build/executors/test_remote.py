"""Workers make a bank whose `--out` is a URI as they make one here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from index.build import build
from index.config import BuildConfig
from tests.s3_server import files_at, s3_bucket

from .conftest import content


def test_workers_make_the_same_bank_in_a_bucket_also_if_one_dies(
    settings: dict[str, Any], alone: dict[str, bytes], folder: Path, tmp_path: Path
) -> None:
    (folder / "deaths").write_text("2 1")
    with s3_bucket("shelf") as bucket:
        uri = bucket.format("banks/two")
        here = build(BuildConfig(**settings, out=uri, staging=tmp_path, workers=2))
        there = files_at(uri)
    assert (folder / "deaths").read_text() == "0 0"
    assert content(here) == alone
    assert {name: there[name] for name in alone} == alone
    assert not {name for name in there if name.startswith("signs/")} | {"build.lock"} & set(there)
