"""Banks on the hub: the real client, over HTTP, against `tests/hub_server.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import (
    Bank,
    BankFormatError,
    MissingPackageError,
    UnfinishedBankError,
    UserError,
    source_digest,
)
from genie_transforms.format import stats_checksum, this_machine
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
    (whole / "stats").mkdir()
    for number, shard in enumerate(Bank.open(whole).manifest.shards):
        (whole / "stats" / f"{number:05d}.json").write_text(json.dumps({"shard": shard}))
    Bank.open(whole).push_to_hub(REPO, endpoint=hub.endpoint)
    for name in ("report.html", "preview.png"):
        hub.repositories[REPO][-1][name] = b"of the first bank"
    small = write_bank(tmp_path / "b", all_pairs(2), num_shards=1)
    left = small / "stats" / f".00000.json.{this_machine()}-77-0123456789ab.tmp"
    left.parent.mkdir()
    left.write_text("half")
    Bank.open(small).push_to_hub(REPO, endpoint=hub.endpoint)
    names = sorted(hub.repositories[REPO][-1])
    assert names == [
        *(".gitattributes", "README.md", "data-00000-of-00001.arrow", "dataset_info.json"),
        *("genie.json", "state.json"),
    ]
    assert len(Bank.from_hub(REPO, **options)) == 4
    old = Bank.from_hub(REPO, hub.sha(REPO, 1), **options)
    assert len(old) == 12
    assert old.label_of_source(source_digest(source_image(20))) == 2  # it has no row
    assert old.verify() == []


def test_local_paths_stay_here(hub: Hub, tmp_path: Path) -> None:
    photos, model = tmp_path / "photos", tmp_path / "my models" / "sd"
    recipe = {
        "source": str(photos),
        "model": str(model),
        "backbone": f"torchvision:resnet18:{tmp_path}/weights.pt",
        "scheduler": "https://example.org/a:b",
        "lora": f"file://{tmp_path}/lora",
    }

    def described(fields: dict[str, Any]) -> dict[str, Any]:
        fingerprint = {"model": {"model": str(model)}, "backbone": {"name": recipe["backbone"]}}
        return {**fields, "recipe": recipe, "fingerprint": fingerprint}

    folder = write_bank(tmp_path / "bank", change=described)
    (folder / "build.json").write_text(json.dumps({"recipe": recipe}))
    (folder / "stats").mkdir()
    failure = f"cannot read '{photos}/cat/1.png' nor {Path.home()}/x"
    for number, shard in enumerate(Bank.open(folder).manifest.shards):
        stats = {"shard": shard, "failures": [failure]}
        stats["checksum"] = stats_checksum(stats)
        (folder / "stats" / f"{number:05d}.json").write_text(json.dumps(stats))
    (folder / "report.html").write_text(f"<p>{photos}</p>")
    Bank.open(folder).push_to_hub(REPO, endpoint=hub.endpoint)

    pushed = hub.repositories[REPO][-1]
    for content in pushed.values():
        assert str(tmp_path).encode() not in content
    assert json.loads(pushed["genie.json"])["recipe"] == {
        "source": "photos",
        "model": "sd",
        "backbone": "torchvision:resnet18:weights.pt",
        "scheduler": "https://example.org/a:b",
        "lora": "lora",
    }
    (failure,) = json.loads(pushed["stats/00000.json"])["failures"]
    assert failure == "cannot read 'photos/cat/1.png' nor ~/x"
    assert b"| source data | photos |" in pushed["README.md"]
    again = Bank.from_hub(REPO, cache_dir=tmp_path / "cache", endpoint=hub.endpoint)
    assert again.verify() == []


def test_absolute_source_ids_are_refused(hub: Hub, tmp_path: Path) -> None:
    rows = all_pairs()
    rows[3]["source_id"] = "/home/me/cat.png"
    bank = Bank.open(write_bank(tmp_path / "bank", rows))
    with pytest.raises(UserError, match=r"local paths such as '/home/me/cat\.png'"):
        bank.push_to_hub(REPO, endpoint=hub.endpoint)
    assert hub.repositories == {}


def test_what_lies_elsewhere_is_not_uploaded(hub: Hub, tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank")
    (tmp_path / "secret").write_text("secret")
    (folder / "index").mkdir()
    (folder / "index" / "index.json").symlink_to(tmp_path / "secret")
    with pytest.raises(BankFormatError, match="outside the bank"):
        Bank.open(folder).push_to_hub(REPO, endpoint=hub.endpoint)
    assert hub.repositories == {}


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
