"""Banks on the hub: the real client, over HTTP, against `tests/hub_server.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from genie_transforms import Bank, UnfinishedBankError
from genie_transforms.format.card import Provenance, dataset_card
from tests.banks import CLASSES, all_pairs, row_of, write_bank
from tests.hub_server import Hub, running_hub

REPO = "user/birds-genie"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with running_hub() as server:
        yield server


def recipe(fields: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of a real build states."""
    settings = {"source": "birds", "model": "sd | 1.5", "noise_ratios": [0.5, 0.7, 0.9]}
    counts = {**fields["counts"], "failed": 3}
    return {**fields, "recipe": {**settings, "revision": None}, "counts": counts}


def test_a_bank_comes_back_as_it_was_pushed(hub: Hub, tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", change=recipe), keep="label == 1")
    (tmp_path / "bank" / "index").mkdir()
    (tmp_path / "bank" / "index" / "index.json").write_text("{}")
    bank.decoded(8)  # stays here
    url = bank.push_to_hub(REPO, endpoint=hub.endpoint, private=True)
    assert url == f"{hub.endpoint}/datasets/{REPO}/commit/{hub.sha(REPO, 1)}"
    assert hub.private == {REPO}
    assert sorted(hub.repositories[REPO][-1]) == [
        ".gitattributes",
        "README.md",
        "data-00000-of-00002.arrow",
        "data-00001-of-00002.arrow",
        "dataset_info.json",
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
    Bank.open(write_bank(tmp_path / "a")).push_to_hub(REPO, endpoint=hub.endpoint)
    small = write_bank(tmp_path / "b", all_pairs(2), num_shards=1)
    Bank.open(small).push_to_hub(REPO, endpoint=hub.endpoint)
    shards = [name for name in hub.repositories[REPO][-1] if name.endswith(".arrow")]
    assert shards == ["data-00000-of-00001.arrow"]
    assert len(Bank.from_hub(REPO, **options)) == 4
    assert len(Bank.from_hub(REPO, hub.sha(REPO, 1), **options)) == 12


def test_a_repository_without_a_bank(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[REPO] = [{"README.md": b""}]
    with pytest.raises(UnfinishedBankError, match=r"has no genie.json"):
        Bank.from_hub(REPO, cache_dir=tmp_path, endpoint=hub.endpoint)


def test_the_card_states_what_the_bank_is(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path, change=recipe))
    card = dataset_card(bank.manifest, REPO, Provenance("cc-by-4.0", source_license="CC0"))
    _, head, text = card.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["configs"] == [{"config_name": "default", "data_files": "data-*.arrow"}]
    assert 'Bank.from_hub("user/birds-genie")' in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert table == [
        "| | |",
        "| source data | birds |",
        "| licence of the source data | CC0 |",
        f"| classes | {len(CLASSES)} |",
        "| rows | 12 in 2 shards |",
        "| pairs that failed | 3 of 12 (25.00%) |",
        "| model | `sd \\| 1.5` |",
        "| grid of noise ratios | `[0.5, 0.7, 0.9]` |",
    ]
    bare = dataset_card(Bank.open(write_bank(tmp_path / "bare")).manifest, REPO, Provenance())
    assert "license" not in yaml.safe_load(bare.split("---\n", 2)[1])
    assert "| source data | not stated |" in bare


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'genie-transforms\[hub\]'"):
        Bank.from_hub(REPO)
    with pytest.raises(ImportError, match=r"pip install 'genie-transforms\[hub\]'"):
        Bank.open(write_bank(tmp_path)).push_to_hub(REPO)
