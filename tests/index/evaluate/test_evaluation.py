"""The whole evaluation on a tiny bank: numbers, table, card."""

from __future__ import annotations

import json
import re
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as VF

from genie_transforms import Bank, UserError
from genie_transforms.format import Manifest, encode_image, read_evaluation, write_card
from index.embed import load_backbone
from index.evaluate import EvaluateConfig, evaluate_bank, frechet_distance, main
from index.evaluate.evaluation import run
from index.evaluate.inputs import embed_negatives
from index.evaluate.text import show
from index.judge import main as judge_main
from index.sources import fit_to
from tests import banks
from tests.banks import CLASSES, SIZE, all_pairs, negative_colour, source_image, write_bank

from .test_judged import judge


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 negatives of 12 sources, cat, dog and bird in turn, with a backbone that is known."""
    recipe = {"backbone": "demo", "resolution": SIZE}
    fingerprint = {"backbone": load_backbone("demo").fingerprint()}
    folder = write_bank(
        tmp_path_factory.mktemp("evaluate") / "bank",
        all_pairs(12),
        change=lambda fields: {**fields, "recipe": recipe, "fingerprint": fingerprint},
    )
    write_card(folder, {"classes": 3}, recipe)
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten cats, the first a source, ten dogs, the last a copy of a negative, and a horse."""
    folder = tmp_path_factory.mktemp("real")
    for name, numbers in (("cat", [0, *range(51, 60)]), ("dog", range(100, 109)), ("horse", [200])):
        (folder / name).mkdir()
        for number in numbers:
            source_image(number).save(folder / name / f"{number}.png")
    Image.new("RGB", (SIZE, SIZE), negative_colour(0)).save(folder / "dog" / "copy.png")
    return folder


def test_numbers_table_and_card(
    bank: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.json"
    main([str(bank), "--real", str(real), "--json", str(out)])
    found = json.loads(out.read_text())
    assert found["classes"] == {
        "compared": 2, "without_real": ["bird"], "without_negatives": ["horse"]
    }  # fmt: skip
    assert found["generated"] == {"of_these_classes": 16, "embedded": 16}
    assert found["real_images"] == {
        "of_these_classes": 20, "embedded": 20, "unreadable": 0, "sources_of_the_bank": 1
    }  # fmt: skip
    assert found["matched"] == 16  # eight negatives of each of the two classes
    assert found["frechet"]["biased"]
    assert found["frechet"]["distance"] > 0
    low, high = found["kid"]["interval"]
    assert low <= found["kid"]["distance"] <= high
    assert found["kid"]["subset"] == 8
    # Negatives of one colour are a world of their own: only the copy is in it.
    assert found["manifold"]["recall"] == pytest.approx(1 / 16)
    assert found["diversity"]["real"]["vendi_score"] > 1
    nearest = found["near_duplicates"]["nearest"][0]
    assert (nearest["row"], nearest["real"]) == (0, "dog/copy.png")
    assert "judge" not in found

    printed = capsys.readouterr().out
    assert "Fréchet distance in the backbone" in printed
    assert "Left out, without real images: bird." in printed
    assert "Left out, without negatives: horse." in printed
    assert "biased upwards" in printed
    assert "1 of the real images are sources of the bank" in printed
    card = (bank / "README.md").read_text()
    assert card.startswith("---\n")
    assert card.count("## Evaluation") == 1
    assert str(real.parent) not in card  # no folder of this machine


def test_another_evaluation_takes_the_place_of_the_first(bank: Path, real: Path) -> None:
    recipe = Manifest.read(bank).recipe
    write_card(bank, {"classes": 3}, recipe)  # a build that finishes again drops it
    assert read_evaluation(bank) == ""
    before = (bank / "README.md").read_text()
    for sample in ("16", "8"):
        main([str(bank), "--real", str(real), "--sample", sample])
    card = (bank / "README.md").read_text()
    assert card.startswith(before.rstrip())
    assert card.count("## Evaluation") == 1
    assert read_evaluation(bank).startswith("## Evaluation")
    assert "8 of 16 negatives" in card
    assert "16 of 16 negatives" not in card
    main([str(bank), "--real", str(real), "--no-card"])
    assert (bank / "README.md").read_text() == card


def test_the_distance_is_of_the_stored_images(bank: Path, tmp_path: Path) -> None:
    # As many real images of each class as negatives: nothing is drawn.
    rows = Bank.open(bank)
    for row in rows:
        name, number = CLASSES[row.label], len(list(tmp_path.rglob("*.png")))
        (tmp_path / name).mkdir(exist_ok=True)
        source_image(300 + number).save(tmp_path / name / f"{number:02d}.png")
    found = evaluate_bank(EvaluateConfig(bank, str(tmp_path)))
    assert found["matched"] == 24
    embed = load_backbone("demo")
    made = embed(torch.stack([fit_to(row.image(), SIZE) for row in rows]))
    files = sorted(tmp_path.rglob("*.png"))
    there = embed(torch.stack([fit_to(Image.open(file), SIZE) for file in files]))
    assert found["frechet"]["distance"] == pytest.approx(frechet_distance(there, made), rel=1e-4)
    again = evaluate_bank(EvaluateConfig(bank, str(tmp_path)))
    assert again == found


def _stored(folder: Path, side: int, image_format: str) -> list[dict[str, Any]]:
    """Rows whose negatives are the real images of a folder, 64 pixels wide, stored smaller."""
    rows = []
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for _ in range(3):
            index = len(rows)
            image, label = source_image(300 + index, 64), CLASSES.index(name)
            image.save(folder / name / f"{index}.png")
            small = VF.resize(VF.pil_to_tensor(image), [side, side], antialias=True)
            encoded = encode_image(small, image_format)
            rows.append(banks.row(index, index, (label + 1) % 3, label, image=encoded))
    return rows


def test_real_images_are_as_sharp_as_negatives_that_are_stored_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_bank(
        tmp_path / "bank",
        _stored(tmp_path / "real", 28, "png"),
        change=lambda fields: {**fields, "recipe": {"resolution": 64}},
    )
    config = EvaluateConfig(folder, str(tmp_path / "real"), backbone="demo")
    found = evaluate_bank(config)
    # They are the same images: a backbone that saw the real ones sharp would tell them apart.
    assert found["frechet"]["distance"] == pytest.approx(0, abs=1e-6)
    assert found["near_duplicates"]["rows"] == 9
    assert found["sizes"] == {"model": 64, "stored": 28, "others": 0, "formats": ["PNG"]}
    run(replace(config, card=False))
    printed = capsys.readouterr().out
    assert "stored at 28 pixels and enlarged to 64" in printed
    assert "JPEG" not in printed


def test_it_is_said_what_storing_leaves_between_negatives_and_real_images(tmp_path: Path) -> None:
    small = _stored(tmp_path / "small", 16, "png")
    rows = [*_stored(tmp_path / "large", 64, "jpeg"), *small[:2]]
    folder = write_bank(
        tmp_path / "bank", rows, change=lambda fields: {**fields, "recipe": {"resolution": 64}}
    )
    found = evaluate_bank(EvaluateConfig(folder, str(tmp_path / "large"), backbone="demo"))
    assert found["sizes"] == {"model": 64, "stored": 64, "others": 2, "formats": ["JPEG", "PNG"]}
    notes = show(found)
    assert "2 negatives are stored at another side than 64" in notes
    assert "Negatives are stored as JPEG" in notes
    assert "enlarged" not in notes


def test_a_judge_says_which_labels_are_right(
    bank: Path, real: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Bank.open(bank)
    seen = np.where(np.arange(24) % 4 == 0, rows.source_labels, rows.labels)
    said: dict[str, Any] = {"target_probability": np.full(24, 0.6)}
    judge(monkeypatch, **{"class": seen}, **said, source_probability=np.full(24, 0.3))
    main([str(bank), "--real", str(real), "--judge", "eye", "--no-card"])
    printed = capsys.readouterr().out
    assert "label precision, to eye" in printed
    assert "75.0 %" in printed
    assert "25.0 % are the source's class" in printed
    assert "0.300" in printed  # P(source), and the margin


def test_the_judge_is_asked_about_real_images_too(
    bank: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "bank"
    shutil.copytree(bank, copy)
    module = types.ModuleType("judge_of_red")
    # Images of noise are as red as blue, negatives mostly blue: to it, all are birds but some.
    vars(module)["make"] = lambda: (lambda images: images.float().mean((2, 3)), list(CLASSES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "judge_of_red", module)
        spec = "python:judge_of_red:make"
        judge_main([str(copy), "--classifier", spec, "--name", "red"])
        main([str(copy), "--real", str(real), "--judge", "red", "--classifier", spec])
    printed = capsys.readouterr().out
    assert re.search(r"It is right about \d+\.\d % of 20 real images", printed)
    assert re.search(r"P\(source\) where it is right +\S+ +real images: ", printed)
    assert "It is right about" in (copy / "README.md").read_text()


def test_what_cannot_be_measured_is_refused(bank: Path, real: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no judge 'eye'"):
        evaluate_bank(EvaluateConfig(bank, str(real), judge="eye"))
    with pytest.raises(UserError, match="--real /nowhere: no such folder"):
        evaluate_bank(EvaluateConfig(bank, "/nowhere"))
    for name in ("owl", "emu"):
        (tmp_path / name).mkdir()
        source_image(1).save(tmp_path / name / "1.png")
    with pytest.raises(UserError, match=r"no class of the real images, such as \['emu', 'owl'\]"):
        evaluate_bank(EvaluateConfig(bank, str(tmp_path)))
    with pytest.raises(UserError, match="sample must be"):
        EvaluateConfig(bank, str(real), sample=0)


def test_more_images_than_one_block_are_all_embedded(tmp_path: Path) -> None:
    rows = np.arange(70)
    folder = write_bank(tmp_path / "bank", all_pairs(35))
    found = embed_negatives(Bank.open(folder, keep=None), rows, load_backbone("demo"), SIZE)
    assert found.embeddings.shape[0] == len(found.places) == 70
    # Each has a colour of its own, so no two are embedded alike, and none twice.
    assert np.unique(found.embeddings.round(5), axis=0).shape[0] == 70
