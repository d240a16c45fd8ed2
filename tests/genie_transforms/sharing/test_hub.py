"""Banks on the hub: the real client, over HTTP, against `tests/hub_server.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import Bank, MissingPackageError, UnfinishedBankError, source_digest
from tests.banks import all_pairs, row_of, source_image, write_bank
from tests.hub_server import Hub, running_hub

REPO = "user/birds-genie"


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with running_hub() as server, pytest.MonkeyPatch.context() as patch:
        # What HF_ENDPOINT sets: clients before 1.0 understand no other hub's address of a commit.
        template = f"{server.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr("huggingface_hub.constants.ENDPOINT", server.endpoint)
        for module in ("constants", "file_download"):
            name = f"huggingface_hub.{module}.HUGGINGFACE_CO_URL_TEMPLATE"
            patch.setattr(name, template, raising=False)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("HF_TOKEN", "hf_test")
        yield server


@pytest.fixture
def hub(server: Hub) -> Hub:
    """The hub, empty."""
    server.repositories.clear()
    server.private.clear()
    return server


def test_a_bank_comes_back_as_it_was_pushed(hub: Hub, tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"), keep="label == 1")
    (tmp_path / "bank" / "index").mkdir()
    (tmp_path / "bank" / "index" / "index.json").write_text("{}")
    (tmp_path / "bank" / "embeddings").mkdir()
    (tmp_path / "bank" / "embeddings" / "00000.arrow").write_bytes(b"0")
    bank.decoded(8)  # stays here
    url = bank.push_to_hub(REPO, endpoint=hub.endpoint, private=True)
    assert url == f"{hub.endpoint}/datasets/{REPO}/commit/{hub.sha(REPO, 1)}"
    assert hub.private == {REPO}
    assert b'Bank.from_hub("user/birds-genie")' in hub.repositories[REPO][-1]["README.md"]
    assert sorted(hub.repositories[REPO][-1]) == [
        ".gitattributes",
        "README.md",
        "data-00000-of-00002.arrow",
        "data-00001-of-00002.arrow",
        "dataset_info.json",
        "embeddings/00000.arrow",
        "genie.json",
        "index/index.json",
        "state.json",
    ]

    again = Bank.from_hub(REPO, cache_dir=tmp_path / "cache", endpoint=hub.endpoint)
    assert len(again) == 12
    assert again.manifest == bank.manifest
    assert again.verify() == []
    assert [row_of(np.asarray(r.image())) for r in again] == list(range(12))
    few = Bank.from_hub(REPO, keep="seed < 3", cache_dir=tmp_path / "cache", endpoint=hub.endpoint)
    assert len(few) == 3


def test_a_commit_gives_the_same_bank_after_a_smaller_one_was_pushed(
    hub: Hub, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"cache_dir": tmp_path / "cache", "endpoint": hub.endpoint}
    whole = write_bank(tmp_path / "a", known=True)
    (whole / "embeddings").mkdir()
    (whole / "embeddings" / "00001.arrow").write_bytes(b"of the second shard")
    Bank.open(whole).push_to_hub(REPO, endpoint=hub.endpoint)
    small = write_bank(tmp_path / "b", all_pairs(2), num_shards=1)
    Bank.open(small).push_to_hub(REPO, endpoint=hub.endpoint)
    names = sorted(hub.repositories[REPO][-1])
    assert [name for name in names if "/" in name or name.endswith(".arrow")] == [
        "data-00000-of-00001.arrow"
    ]
    assert len(Bank.from_hub(REPO, **options)) == 4
    old = Bank.from_hub(REPO, hub.sha(REPO, 1), **options)
    assert len(old) == 12
    assert old.label_of_source(source_digest(source_image(20))) == 2  # it has no row
    assert old.verify() == []


def test_a_repository_without_a_bank(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[REPO] = [{"README.md": b""}]
    with pytest.raises(UnfinishedBankError, match=r"has no genie.json"):
        Bank.from_hub(REPO, cache_dir=tmp_path, endpoint=hub.endpoint)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'genie-transforms\[hub\]'"):
        Bank.from_hub(REPO)
    with pytest.raises(MissingPackageError, match=r"pip install 'genie-transforms\[hub\]'"):
        Bank.open(write_bank(tmp_path)).push_to_hub(REPO)
