"""Diff-Mix's layout in, through the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_transforms import Bank
from index.convert import main
from tests.banks import negative_colour, row_of
from tests.index.convert.conftest import Refused


def write_diff_mix(root: Path) -> None:
    """Write three images as Diff-Mix lays them out."""
    lines = [("black cat", "dog", 0.7), ("dog", "black cat", 0.5), ("dog", "sea bird", 0.9)]
    root.mkdir()
    with (root / "meta.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First Directory", "Second Directory", "Number", "Strength", "Path"])
        for number, (source, target, strength) in enumerate(lines):
            folder = source.replace(" ", "_")
            path = f"{folder}/{target.replace(' ', '_')}-{number:06d}-{strength}.png"
            (root / "data" / folder).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), negative_colour(number)).save(root / "data" / path)
            writer.writerow([source, target, number, strength, path])


def test_diff_mix(tmp_path: Path) -> None:
    write_diff_mix(tmp_path / "mix")
    main(["import-diff-mix", str(tmp_path / "mix"), "--out", str(tmp_path / "bank")])
    bank = Bank.open(tmp_path / "bank")
    assert bank.verify() == []
    assert bank.class_names == ["black cat", "dog", "sea bird"]
    assert [(r.source_label, r.label) for r in bank] == [(0, 1), (1, 0), (1, 2)]
    assert [r.noise_ratio for r in bank] == pytest.approx([0.7, 0.5, 0.9])
    assert [row_of(np.asarray(r.image())) for r in bank] == [0, 1, 2]
    assert {r.source_digest for r in bank} == {"0" * 32}


def test_diff_mix_with_the_classes_of_the_dataset(tmp_path: Path, refused: Refused) -> None:
    write_diff_mix(tmp_path / "mix")
    (tmp_path / "classes.txt").write_text("sea/bird\ndog\nblack_cat\n")
    arguments = ["import-diff-mix", str(tmp_path / "mix"), "--out", str(tmp_path / "bank")]
    arguments += ["--classes", str(tmp_path / "classes.txt")]
    main(arguments)
    bank = Bank.open(tmp_path / "bank")
    assert bank.class_names == ["sea/bird", "dog", "black_cat"]
    assert [(r.source_label, r.label) for r in bank] == [(2, 1), (1, 2), (1, 0)]
    for classes in ("dog\nblack cat\nblack_cat\nsea bird\n", "dog\n\nblack cat\nsea bird\n"):
        (tmp_path / "classes.txt").write_text(classes)
        assert "have no name, or that of another one" in refused(arguments)
    (tmp_path / "classes.txt").write_text("dog\n")
    assert "names ['black cat', 'sea bird']" in refused(arguments)
    (tmp_path / "mix" / "meta.csv").write_text("Path\n")
    assert "no columns First Directory" in refused(arguments)
    (tmp_path / "mix" / "meta.csv").unlink()
    assert "meta.csv is missing" in refused(arguments)


def test_lines_that_cannot_be_used(tmp_path: Path, refused: Refused) -> None:
    write_diff_mix(tmp_path / "mix")
    arguments = ["import-diff-mix", str(tmp_path / "mix"), "--out", str(tmp_path / "bank")]
    assert "--classes" in refused([*arguments, "--classes", str(tmp_path / "none.txt")])
    index = tmp_path / "mix" / "meta.csv"
    lines = index.read_text()
    index.write_text(lines.replace(",0.7,", ",much,"))
    assert "the strength 'much', not a number" in refused(arguments)
    index.write_text(lines)
    next((tmp_path / "mix" / "data").rglob("*.png")).unlink()
    assert "1 images are missing" in refused(arguments)
    index.write_text(lines.splitlines()[0])
    assert "no generated images were found" in refused(arguments)
