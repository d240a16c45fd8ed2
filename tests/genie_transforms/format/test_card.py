"""The dataset card, as the hub and `datasets` read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from genie_transforms.format import (
    Manifest,
    Provenance,
    dataset_card,
    read_evaluation,
    write_card,
    write_evaluation,
)
from tests.banks import CLASSES, write_bank

REPO = "user/birds-genie"


def with_recipe(fields: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of a real build states."""
    settings = {"source": "birds", "model": "sd | 1.5", "noise_ratios": [0.5, 0.7, 0.9]}
    counts = {**fields["counts"], "failed": 3}
    return {**fields, "recipe": {**settings, "revision": None}, "counts": counts}


def head(card: str) -> Any:
    return yaml.safe_load(card.split("---\n", 2)[1])


def table(card: str) -> list[str]:
    return [line for line in card.splitlines() if line.startswith("| ")]


def test_the_card_on_the_hub_states_what_the_bank_is(tmp_path: Path) -> None:
    manifest = Manifest.read(write_bank(tmp_path, change=with_recipe))
    card = dataset_card(manifest, REPO, Provenance("cc-by-4.0", source_license="CC0"))
    assert head(card)["license"] == "cc-by-4.0"
    assert head(card)["configs"] == [{"config_name": "default", "data_files": "data-*.arrow"}]
    assert 'Bank.from_hub("user/birds-genie")' in card
    assert table(card) == [
        "| | |",
        "| source data | birds |",
        "| licence of the source data | CC0 |",
        f"| classes | {len(CLASSES)} |",
        "| rows | 12 in 2 shards |",
        "| pairs that failed | 3 of 12 (25.00%) |",
        "| model | `sd \\| 1.5` |",
        "| grid of noise ratios | `[0.5, 0.7, 0.9]` |",
    ]


def test_what_is_not_known_is_not_stated(tmp_path: Path) -> None:
    card = dataset_card(Manifest.read(write_bank(tmp_path)), REPO, Provenance())
    assert "license" not in head(card)
    assert "| source data | not stated |" in card


@pytest.mark.parametrize("name", ["mine: all\n- of it", "---", '"', "ⓒ"])
def test_a_licence_cannot_break_the_head(tmp_path: Path, name: str) -> None:
    card = dataset_card(Manifest.read(write_bank(tmp_path)), REPO, Provenance(name))
    assert card.startswith("---\nlicense: ")
    assert yaml.safe_load(card[4:].partition("\n---\n")[0])["license"] == name


def test_the_card_of_a_build(tmp_path: Path) -> None:
    recipe = {"method": "genie-ada", "prompt": "a `photo`\nof a {}", "revision": None}
    write_card(tmp_path, {"source data": "9 images (imagefolder)", "classes": 3}, recipe)
    card = (tmp_path / "README.md").read_text()
    assert head(card)["configs"]
    assert f'Bank.open("{tmp_path.name}")' in card
    assert table(card)[1:] == [
        "| source data | 9 images (imagefolder) |",
        "| classes | 3 |",
        "| method | `genie-ada` |",
        "| prompt | `` a `photo` of a {} `` |",
    ]


def test_load_dataset_finds_the_shards_by_the_card(tmp_path: Path) -> None:
    import datasets

    bank = write_bank(tmp_path / "bank")
    write_card(bank, {}, {})
    # On this machine `datasets` insists on load_from_disk where it sees this file; on the hub not.
    (bank / "state.json").unlink()
    loaded = datasets.load_dataset(str(bank), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded["seed"][:] == list(range(12))
    assert loaded.features["label"].names == list(CLASSES)


def test_an_evaluation_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    write_bank(tmp_path)
    assert read_evaluation(tmp_path) == ""
    (tmp_path / "README.md").write_bytes(b"# Mine \xff\n")
    write_evaluation(tmp_path, "## Evaluation\n\nfirst")
    with (tmp_path / "README.md").open("ab") as file:
        file.write(b"\nbehind it\n")
    write_evaluation(tmp_path, "## Evaluation\n\nsecond")
    assert read_evaluation(tmp_path) == "## Evaluation\n\nsecond"
    assert (tmp_path / "README.md").read_bytes() == (
        b"# Mine \xff\n\n<!-- evaluation -->\n## Evaluation\n\nsecond\n<!-- /evaluation -->\n"
        b"\nbehind it\n"
    )
    manifest = Manifest.read(tmp_path)
    card = dataset_card(manifest, REPO, Provenance(), read_evaluation(tmp_path))
    assert card.endswith("second\n<!-- /evaluation -->\n")
    assert card.startswith(dataset_card(manifest, REPO, Provenance()).rstrip())
