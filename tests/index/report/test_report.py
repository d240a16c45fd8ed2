"""What a finished build shows."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from index.report.contact_sheet import write_preview
from index.report.strips import save_strip, shown_strips, strip_path
from index.report.summary import summarize
from index.store.claim import claim_folder
from index.store.finalize import finalize
from index.store.shards import read_table, write_shard
from tests.banks import CLASSES, row

BUILD = {
    "recipe": {"method": "genie-ada", "keep_sweep": False},
    "fingerprint": {},
    "plan": {"pairs": 4},
}


def _bank(out: Path) -> None:
    ratios = [0.5, 0.7, 0.7]
    targets = [True, True, False]
    rows = [
        row(k, k, 0, 1, noise_ratio=r, on_target=t)
        for k, (r, t) in enumerate(zip(ratios, targets, strict=True))
    ]
    stats = {
        "failures": [{"source": 3, "target": 1, "reason": "black"}],
        "network_rows": 99,
        "seconds": {"network": 2.0, "decode": 0.5},
    }
    claim_folder(out, BUILD)
    write_shard(out, 0, 1, rows, CLASSES, stats)
    finalize(out, CLASSES, BUILD, 4)


def test_summary_counts_by_hand(tmp_path: Path) -> None:
    _bank(tmp_path / "bank")
    out = tmp_path / "bank"
    text = summarize(out, read_table(out), 3.0, ["dog", "cat", "dog"])
    assert "4 planned, 3 made, 1 failed" in text
    assert "1 x black" in text
    assert "99 rows" in text
    assert "mean 0.63" in text
    assert "r = 0.7        2 " in text
    assert "r = 0.9        0" in text
    assert "on target    66.7%" in text
    assert "oracle       66.7%" in text
    assert "training     2 of 3 rows kept in 1 of 3 classes (dropped: 1 by `on_target`" in text
    assert "no rows    of cat, bird: images of these classes stay as they are" in text
    assert "network 2.0 s, decode 0.5 s" in text
    assert "reused" not in text
    assert "marked" not in text


def test_the_summary_of_a_grown_bank_says_of_which_builds_its_numbers_are(tmp_path: Path) -> None:
    stats = {"failures": [], "network_rows": 9, "seconds": {"network": 2.0}, "reused": 1}
    claim_folder(tmp_path, BUILD)
    write_shard(tmp_path, 0, 1, [row(0, 0, 0, 1), row(1, 1, 0, 1)], CLASSES, stats)
    finalize(tmp_path, CLASSES, BUILD, 2)
    text = summarize(tmp_path, read_table(tmp_path), 3.0)
    assert "9 rows through the denoiser in the last builds, guidance counted" in text
    assert "1 pairs were made before: what they cost is in none of these numbers" in text


def test_a_bank_without_rows_is_summarized(tmp_path: Path) -> None:
    failures = [{"source": k, "target": 1, "reason": "black"} for k in range(4)]
    stats = {"failures": failures, "network_rows": 99, "seconds": {"network": 2.0}}
    claim_folder(tmp_path, BUILD)
    write_shard(tmp_path, 0, 1, [], CLASSES, stats)
    finalize(tmp_path, CLASSES, BUILD, 4)
    text = summarize(tmp_path, read_table(tmp_path), 3.0)
    assert "4 planned, 0 made, 4 failed" in text
    assert "4 x black" in text
    assert "noise ratio" not in text
    assert "on target" not in text


def test_preview_shows_every_strip_and_marks_the_choice(tmp_path: Path) -> None:
    green, blue = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    green[1], blue[2] = 200, 200
    for pair in ("a", "f"):
        save_strip(
            tmp_path,
            pair,
            torch.stack([green, green, blue]),
            source="star",
            target="ring",
            noise_ratio=0.7,
        )
    write_preview(tmp_path, ["a", "d", "f"], [0.5, 0.7])  # d failed: it has no strip
    with Image.open(tmp_path / "preview.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    is_green = (pixels == [0, 200, 0]).all(-1)
    is_blue = (pixels == [0, 0, 200]).all(-1)
    assert is_green.sum() > 1.8 * is_blue.sum() > 2000
    orange = (np.abs(pixels - [217, 95, 2]).max(-1) < 8).sum()
    assert orange > 200


def test_pairs_without_a_strip_leave_their_place_to_others(tmp_path: Path) -> None:
    for pair in ("b", "d", "e"):
        save_strip(
            tmp_path,
            pair,
            torch.zeros(2, 3, 4, 4, dtype=torch.uint8),
            source="star",
            target="ring",
            noise_ratio=0.5,
        )
    assert strip_path(tmp_path, "b").exists()
    assert shown_strips(tmp_path, ["a", "d"], ["a", "b", "c", "d", "e"]) == ["d", "b"]
    assert shown_strips(tmp_path, [], ["a", "b"]) == []


def test_no_strips_no_preview(tmp_path: Path) -> None:
    write_preview(tmp_path, ["a"], [0.5])
    assert not (tmp_path / "preview.png").exists()
