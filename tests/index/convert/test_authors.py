"""The authors' layout in, through the command line: what a user types, then the bank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_transforms import Bank, source_digest
from index.convert import main
from tests.banks import negative_colour, row_of, source_image
from tests.index.convert.conftest import Refused

WNIDS = ["n01532829_finch", "n02099601_retriever", "n03017168_chime"]


def write_episode(root: Path, method: str, name: str) -> None:
    """Write a 3-way 2-shot episode as the authors' code lays it out; image i has colour i."""
    for index in range(6):
        folder = root / "train" / WNIDS[index // 2]
        folder.mkdir(parents=True, exist_ok=True)
        source_image(index).save(folder / f"{index}.png")
    number = 0
    for wnid in WNIDS:
        folder = root / name / wnid
        folder.mkdir(parents=True)
        for k in range(4 if method == "genie" else 2):
            file = {"genie": f"{k}_genie.png", "img2img": f"{k}img2img0.png"}.get(
                method, f"{k}_txt2img0.png"
            )
            Image.new("RGB", (8, 8), negative_colour(number)).save(folder / file)
            number += 1


def imported(tmp_path: Path, name: str, *options: str) -> Bank:
    folders = [str(tmp_path / name), "--sources", str(tmp_path / "train")]
    main(["import-authors", *folders, "--out", str(tmp_path / "bank"), *options])
    return Bank.open(tmp_path / "bank")


def test_authors_sources_are_counted_among_the_other_classes(tmp_path: Path) -> None:
    write_episode(tmp_path, "genie", "train_genie_noise0.8")
    bank = imported(tmp_path, "train_genie_noise0.8")
    assert bank.class_names == WNIDS
    assert bank.verify() == []
    # Target 0 has the images of classes 1 and 2 in order, target 1 those of 0 and 2, and so on.
    sources = [2, 3, 4, 5, 0, 1, 4, 5, 0, 1, 2, 3]
    assert [r.label for r in bank] == [0] * 4 + [1] * 4 + [2] * 4
    assert [r.source_label for r in bank] == [source // 2 for source in sources]
    digests = [source_digest(source_image(source)) for source in sources]
    assert [r.source_digest for r in bank] == digests
    assert [row_of(np.asarray(r.image())) for r in bank] == list(range(12))
    assert bank[0].noise_ratio == pytest.approx(0.8)
    assert (bank[0].prompt, bank[0].method) == ("a photo of a finch.", "genie")
    assert bank[0].source_id == "n02099601_retriever/2.png"
    assert bank[0].nearest_class is None


@pytest.mark.parametrize("method", ["img2img", "txt2img"])
def test_authors_baselines_come_from_the_class_itself(tmp_path: Path, method: str) -> None:
    write_episode(tmp_path, method, f"train_{method}")
    bank = imported(tmp_path, f"train_{method}", "--noise-ratio", "0.7")
    assert [r.source_label for r in bank] == [r.label for r in bank] == [0, 0, 1, 1, 2, 2]
    assert [r.source_id.rpartition("/")[2] for r in bank] == [f"{i}.png" for i in range(6)]
    assert {r.method for r in bank} == {method}
    assert bank[0].noise_ratio == pytest.approx(0.7)


def test_authors_layout_that_does_not_fit(tmp_path: Path, refused: Refused) -> None:
    write_episode(tmp_path, "txt2img", "train_txt2img")
    arguments = ["import-authors", str(tmp_path / "train_txt2img")]
    arguments += ["--sources", str(tmp_path / "train"), "--out", str(tmp_path / "bank")]
    assert "give --noise-ratio" in refused(arguments)
    arguments += ["--noise-ratio", "0.8"]
    folder = tmp_path / "train_txt2img" / WNIDS[1]
    (folder / "0_txt2img0.png").rename(folder / "7_txt2img0.png")
    assert "says source 7, but" in refused(arguments)
    (folder / "7_txt2img0.png").rename(folder / "cat.png")
    assert "is not named like 3_genie.jpg" in refused(arguments)
    assert not (tmp_path / "bank").exists()


def test_more_sources_than_the_images_were_made_from(tmp_path: Path, refused: Refused) -> None:
    write_episode(tmp_path, "genie", "train_genie_noise0.8")
    source_image(9).save(tmp_path / "train" / WNIDS[0] / "another.png")
    arguments = ["import-authors", str(tmp_path / "train_genie_noise0.8")]
    arguments += ["--sources", str(tmp_path / "train"), "--out", str(tmp_path / "bank")]
    # Every number behind the new image would mean another source, and another class.
    assert "end at 3, but" in refused(arguments)
    assert not (tmp_path / "bank").exists()


def test_sources_that_cannot_be_used(tmp_path: Path, refused: Refused) -> None:
    write_episode(tmp_path, "genie", "train_genie_noise0.8")
    arguments = ["import-authors", str(tmp_path / "train_genie_noise0.8")]
    arguments += ["--out", str(tmp_path / "bank"), "--sources"]
    assert "none does not hold the episode's" in refused([*arguments, str(tmp_path / "none")])
    (tmp_path / "train" / WNIDS[0] / "0.png").write_bytes(b"not an image")
    assert "0.png cannot be read" in refused([*arguments, str(tmp_path / "train")])
    assert not (tmp_path / "bank").exists()
