"""A folder belongs to one recipe; a grown plan sets its shards aside."""

from pathlib import Path
from typing import Any

import pytest

from genie_transforms import FolderInUseError
from index.store import PairStore, embeddings_path, finalize, finished_shards
from index.store.claim import (
    SUPERSEDED,
    check_claimed,
    check_folder,
    claim_folder,
    own_pairs,
    supersede_shards,
)
from tests.banks import CLASSES

from .written import BUILD, write


def test_another_recipe_is_refused_with_what_differs(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    claim_folder(out, BUILD)  # the same again: continue
    changed = {**BUILD, "recipe": {"keep_sweep": False, "seed": 1}}
    with pytest.raises(FolderInUseError, match=r"recipe\.seed \(0 there, 1 now\)"):
        claim_folder(out, changed)


def _with_tokens(**tokens: str) -> dict[str, Any]:
    return {**BUILD, "fingerprint": {"model": "m", "tokens_sha256": tokens}}


def test_classes_with_tokens_come_and_go_but_each_keeps_its_token(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, _with_tokens(cat="1", dog="2"))
    write(out, 0, [0, 1])
    claim_folder(out, _with_tokens(cat="1", dog="2", owl="3"))
    assert PairStore(out / SUPERSEDED).keys() == {"0 0", "0 1"}
    claim_folder(out, _with_tokens(dog="2"))
    check_claimed(out, _with_tokens(dog="2"))  # of a process that works for this build
    with pytest.raises(FolderInUseError, match=r"differ in fingerprint\.tokens_sha256\.dog"):
        check_claimed(out, _with_tokens(dog="4"))
    # The pairs of the cat are still there, and were made with its first token.
    with pytest.raises(FolderInUseError, match=r"fingerprint\.tokens_sha256\.cat \('1' there, '4'"):
        claim_folder(out, _with_tokens(cat="4", dog="2"))
    with pytest.raises(FolderInUseError, match=r"differs in fingerprint\.tokens_sha256 "):
        claim_folder(out, BUILD)  # names in place of tokens


def test_another_plan_sets_finished_shards_aside(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, {**BUILD, "plan": {"pairs": 3}})
    write(out, 0, [0, 1])
    write(out, 1, [2])
    finalize(out, CLASSES, BUILD, 3)
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})
    assert not finished_shards(out)
    assert not list(out.glob("data-*"))
    assert not (out / "genie.json").exists()  # unfinished again
    earlier = PairStore(out / SUPERSEDED)
    assert earlier.keys() == {"0 0", "0 1", "1 0"}
    assert [pair.row["label"] for pair in earlier.get("0 1")] == [1]
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})  # now this is what was begun
    claim_folder(out, {**BUILD, "recipe": {**BUILD["recipe"], "pairs": "all"}})  # a plan, too


def test_an_interrupted_growth_is_taken_up_again(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, {**BUILD, "plan": {"pairs": 3}})
    write(out, 0, [0, 1])
    write(out, 1, [2])
    supersede_shards(out, [0])  # and killed here
    claim_folder(out, {**BUILD, "plan": {"pairs": 4}})
    assert PairStore(out / SUPERSEDED).keys() == {"0 0", "0 1", "1 0"}


def test_a_shard_without_embeddings_cannot_be_set_aside(tmp_path: Path) -> None:
    write(tmp_path, 0, [0])
    write(tmp_path, 1, [1])
    embeddings_path(tmp_path, 1).unlink()
    with pytest.raises(FolderInUseError, match=r"cannot grow: .*00001.arrow is missing"):
        supersede_shards(tmp_path, [0, 1])
    assert finished_shards(tmp_path) == {0, 1}  # nothing has been removed


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FolderInUseError, match="not empty and not a bank"):
        claim_folder(tmp_path, BUILD)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_the_pairs_of_finished_shards_are_a_banks_own(tmp_path: Path) -> None:
    write(tmp_path, 0, [0, 1])
    write(tmp_path, 1, [2])
    assert own_pairs(tmp_path).keys() == {"0 0", "0 1", "1 0"}


def test_a_folder_can_be_checked_before_its_recipe_is_known(tmp_path: Path) -> None:
    check_folder(tmp_path / "new")
    claim_folder(tmp_path / "bank", BUILD)
    check_folder(tmp_path / "bank")
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FolderInUseError, match="not empty and not a bank"):
        check_folder(tmp_path)
