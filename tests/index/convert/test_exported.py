"""What was exported comes back: the same rows, bytes and known sources."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from genie_transforms import Bank, source_digest
from genie_transforms.format import EXPORTED, NONE_OF_THEM, Judgement, Layout
from index.convert import main
from tests import judged
from tests.banks import all_pairs, row, source_image, write_bank
from tests.index.convert.conftest import Refused

LAYOUTS = ("imagefolder", "webdataset")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bank_comes_back_equal(
    tmp_path: Path,
    layout: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("genie_transforms._sharing.export._ROWS_PER_TAR", 5)
    monkeypatch.setattr("index.convert.exported._ROWS_PER_SHARD", 6)
    rows = all_pairs()
    rows[3].update(margin=None, stale=True, projections=[0.25, 0.5, 1.0])
    path = write_bank(tmp_path / "bank", rows, known=True)
    out, again = str(tmp_path / "out"), tmp_path / "again"
    main(["export", str(path), "--out", out, "--layout", layout])
    main(["import", out, "--out", str(again)])
    assert capsys.readouterr().out.endswith(f"{again}: 12 rows\n")
    # Two shards of six rows, as the original has: byte for byte the same.
    for name in ("data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "index/sources.arrow"):
        assert (again / name).read_bytes() == (path / name).read_bytes()
    # Fast keys stay behind: images are then found by their digests.
    manifest = replace(Bank.open(path).manifest, pixel_keys=None)
    assert Bank.open(again).manifest == manifest
    assert Bank.open(again).verify() == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_some_rows_come_back_with_all_classes_and_sources(tmp_path: Path, layout: str) -> None:
    rows = all_pairs()
    rows[0]["projections"] = [0.0, float("nan"), 1.0]
    path = write_bank(tmp_path / "bank", rows, known=True)
    keep = ["--keep", "label == 1", "--layout", layout]
    main(["export", str(path), "--out", str(tmp_path / "out"), *keep])
    main(["import", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    bank = Bank.open(tmp_path / "again")
    assert [negative.seed for negative in bank] == [r["seed"] for r in rows if r["label"] == 1]
    assert math.isnan(bank[0].projections[1])
    assert bank.class_names == ["cat", "dog", "bird"]
    assert bank.label_of_source(source_digest(source_image(20))) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("keep", [None, "label == 1"])
def test_rejections_and_judgements_come_back(
    tmp_path: Path, layout: Layout, keep: str | None
) -> None:
    path = write_bank(tmp_path / "bank", num_shards=3)
    judged.reject(path, [0, 1, 5])
    judged.judge(path, "clip", [0, 1, 2, NONE_OF_THEM, None, 0] * 2, about={"classifier": "clip"})
    bank = Bank.open(path, keep)
    bank.export(tmp_path / "out", layout)
    main(["import", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    again = Bank.open(tmp_path / "again", keep=None)
    assert [one.seed for one in again] == [one.seed for one in bank]
    assert [one.judgements for one in again] == [one.judgements for one in bank]
    live = [one.seed for one in bank if not one.judgements["rejected"]]
    assert 0 < len(live) < len(bank)
    assert [one.seed for one in Bank.open(again.path)] == live
    assert Judgement.read(again.path, "clip").about == {"classifier": "clip"}
    assert again.verify() == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_rows_come_back(tmp_path: Path, layout: str) -> None:
    path = write_bank(tmp_path / "bank", [row(0, 0, 0, 1, on_target=False, nearest_class=0)])
    main(["export", str(path), "--out", str(tmp_path / "out"), "--layout", layout])
    main(["import", str(tmp_path / "out"), "--out", str(tmp_path / "again")])
    assert len(Bank.open(tmp_path / "again", keep=None)) == 0


def test_refusals(tmp_path: Path, refused: Refused) -> None:
    path, out = write_bank(tmp_path / "bank"), tmp_path / "out"
    arguments = ["import", str(out), "--out", str(tmp_path / "again")]
    assert "bank.json is missing" in refused(arguments)
    main(["export", str(path), "--out", str(out)])
    metadata, about = out / "metadata.jsonl", out / EXPORTED
    lines = metadata.read_text().splitlines(keepends=True)
    metadata.write_text("".join(lines[:-1]))
    assert "should hold 12 rows, it has 11" in refused(arguments)
    metadata.write_text("".join([*lines, lines[0]]))
    assert "should hold 12 rows, it has 13" in refused(arguments)
    first = json.loads(lines[0])
    for changes, expected in (
        ({"file_name": "../bank/README.md"}, "which is not there"),
        ({"file_name": "dog/none.png"}, "which is not there"),
        ({"source_label": "cow"}, "the source_label 'cow' of a row is not one of the 3 classes"),
        ({"seed": "seven"}, "a column of another type"),
    ):
        metadata.write_text("".join([json.dumps({**first, **changes}) + "\n", *lines[1:]]))
        assert expected in refused(arguments)
    metadata.write_text("".join(["{\n", *lines[1:]]))
    assert "metadata.jsonl is damaged" in refused(arguments)
    about.write_text(json.dumps({**json.loads(about.read_text()), "layout": "zip"}))
    assert "the layout 'zip', which is not known" in refused(arguments)
    said = json.loads(about.read_text())
    about.write_text(json.dumps({**said, "layout": "imagefolder", "judges": ["../bank/x"]}))
    assert "bank.json is damaged (the name of a judge" in refused(arguments)
    metadata.write_text("".join(lines))
    about.write_text(json.dumps({**said, "layout": "imagefolder", "judges": ["rejected"]}))
    assert "judgements-rejected.arrow is missing" in refused(arguments)
    about.write_text("{}")
    assert "bank.json is damaged" in refused(arguments)
    assert not (tmp_path / "again").exists()
