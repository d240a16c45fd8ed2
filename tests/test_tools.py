"""Every block of docs/tools.md runs: on the real library, or against the format it documents."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image

from genie_transforms import Bank
from genie_transforms.format import write_card
from tests.banks import CLASSES, source_image, write_bank
from tests.blocks import python_blocks

BLOCKS = python_blocks((Path(__file__).parents[1] / "docs" / "tools.md").read_text())


@pytest.fixture(autouse=True)
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """A bank and the images that it was made from, in the folder where the blocks run."""
    recipe = {"backbone": "demo"}
    folder = write_bank(tmp_path / "genie-bank", change=lambda fields: {**fields, "recipe": recipe})
    write_card(folder, {"classes": 3}, recipe)
    for number in range(12):
        photo = tmp_path / "photos" / CLASSES[number % 3] / f"{number}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        source_image(number).save(photo)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return Bank.open(folder, keep=None)


def run(heading: str) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    exec(BLOCKS[heading], variables)
    return variables


def test_every_tool_is_tested() -> None:
    known = ["Hugging Face `datasets`, and its viewer", "FiftyOne", "CleanVision", "cleanlab"]
    assert list(BLOCKS) == known
    assert all(block.count("\n") <= 17 for block in BLOCKS.values())


@pytest.mark.parametrize("by_card", [False, True])
def test_datasets_finds_the_rows(
    bank: Bank, by_card: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Judgements and embeddings are Arrow files of the same folder, and no rows.
    (tmp_path / "genie-bank" / "judgements").mkdir()
    shutil.copy(
        tmp_path / "genie-bank" / "data-00000-of-00002.arrow", "genie-bank/judgements/a.arrow"
    )
    if by_card:
        # Of a local folder that `save_to_disk` could have written, `load_dataset` says so and
        # stops; from the hub it does not ask, and goes by the card.
        (tmp_path / "genie-bank" / "state.json").unlink()
        rows = load_dataset("genie-bank", split="train")
    else:
        rows = run("Hugging Face `datasets`, and its viewer")["rows"]
        assert capsys.readouterr().out == "cat → dog (16, 16)\n"
    assert rows.num_rows == len(bank) == 12
    assert rows["label"][:] == bank.labels.tolist()
    assert rows.features["source_label"].names == list(CLASSES)
    for index in (0, 11):
        assert isinstance(rows[index]["image"], Image.Image)
        assert rows[index]["image"].tobytes() == bank.image(index).tobytes()


def test_fiftyone_gets_the_layout_that_it_documents(bank: Bank, tmp_path: Path) -> None:
    # https://docs.voxel51.com/user_guide/import_datasets.html: data/<name>.<ext> for each key of
    # `labels`, whose values are positions in `classes`.
    run("FiftyOne")
    written = json.loads((tmp_path / "fiftyone-bank" / "labels.json").read_text())
    assert set(written) == {"classes", "labels"}
    assert written["classes"] == list(CLASSES)
    files = {path.stem: path for path in (tmp_path / "fiftyone-bank" / "data").iterdir()}
    assert files.keys() == written["labels"].keys()
    for number, (name, label) in enumerate(sorted(written["labels"].items())):
        assert label == bank.labels[number]
        with Image.open(files[name]) as image:
            assert image.tobytes() == bank.image(number).tobytes()


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_cleanvision_finds_what_is_wrong(bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cleanvision", reason="cleanvision is not installed")
    variables = run("CleanVision")
    # Images of one colour are of little information, all of them.
    assert variables["suspect"] == list(range(12))
    assert variables["lab"].issues["is_low_information_issue"].all()
    assert "low_information" in capsys.readouterr().out


def test_cleanlab_gets_labels_and_probabilities_of_one_order(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of its documentation: labels are whole numbers from 0 to K - 1, probabilities (N, K).
    given: dict[str, Any] = {}

    def find_label_issues(labels: Any, pred_probs: Any) -> Any:
        given.update(labels=labels, pred_probs=pred_probs)
        return pred_probs.argmax(1) != labels

    if "cleanlab" not in sys.modules:
        module = ModuleType("cleanlab.filter")
        module.find_label_issues = find_label_issues  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cleanlab", ModuleType("cleanlab"))
        monkeypatch.setitem(sys.modules, "cleanlab.filter", module)
    found = run("cleanlab")
    assert given["labels"].dtype.kind == "i"
    assert given["labels"].tolist() == bank.labels.tolist()
    assert given["pred_probs"].shape == (12, len(CLASSES))
    assert np.allclose(given["pred_probs"].sum(1), 1)
    assert found["classifier"].classes_.tolist() == [0, 1, 2]
    assert found["suspect"].shape == (12,)
