from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import Bank
from genie_transforms.format import read_shard, verify_bank, write_shard
from index.verify import main
from tests.banks import all_pairs, write_bank


def test_a_sound_bank_has_noverify_bank(tmp_path: Path) -> None:
    assert Bank.open(write_bank(tmp_path)).verify() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"label": 3, "on_target": False}, "label 3 is none of the 3 classes"),
        ({"source_label": -1}, "source_label -1 is none of the 3 classes"),
        ({"source_digest": "xyz"}, "source_digest 'xyz' does not have 32 hexadecimal digits"),
        ({"noise_ratio": 1.5}, "noise_ratio 1.5 is not in [0, 1]"),
        ({"on_target": False}, "on_target is False, but nearest_class is 0 and label 0"),
        ({"image": {"bytes": b"no image", "path": None}}, "the image does not decode: cannot"),
        ({"image": {"bytes": None, "path": None}}, "has no image"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    rows = all_pairs()
    assert rows[8]["label"] == 0
    rows[8].update(changes)
    write_bank(tmp_path, rows, num_shards=2)
    (problem,) = verify_bank(tmp_path)
    assert problem.startswith(f"data-00001-of-00002.arrow: row 2: {expected}")


def test_a_truncated_image_is_found(tmp_path: Path) -> None:
    rows = all_pairs()
    whole = rows[0]["image"]["bytes"]
    rows[0]["image"] = {"bytes": whole[: len(whole) // 2], "path": None}
    (problem,) = Bank.open(write_bank(tmp_path, rows)).verify()
    assert "row 0: the image does not decode" in problem


def test_one_changed_byte_is_found_by_the_checksum(tmp_path: Path) -> None:
    shard = write_bank(tmp_path) / "data-00001-of-00002.arrow"
    content = bytearray(shard.read_bytes())
    place = content.index(b"A photo of a 1")
    content[place] ^= 1
    shard.write_bytes(bytes(content))
    (problem,) = verify_bank(tmp_path)
    assert problem.startswith("data-00001-of-00002.arrow: SHA-256 is ")


def test_missing_and_cut_shards(tmp_path: Path) -> None:
    write_bank(tmp_path)
    first, second = sorted(tmp_path.glob("data-*.arrow"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:300])
    problems = verify_bank(tmp_path)
    assert problems[0] == "data-00000-of-00002.arrow: missing"
    assert "SHA-256" in problems[1]
    assert "damaged" in problems[2]


def test_a_manifest_that_does_not_fit(tmp_path: Path) -> None:
    def wrong(fields: dict[str, Any]) -> dict[str, Any]:
        shards = [{**shard, "rows": shard["rows"] + 1} for shard in fields["shards"]]
        return {**fields, "shards": shards, "class_names": ["cat", "dog", "cow"]}

    problems = verify_bank(write_bank(tmp_path, change=wrong))
    assert "genie.json: counts 12 rows, its shards have 14" in problems
    assert "data-00000-of-00002.arrow: 6 rows, genie.json says 7" in problems
    assert any("class names are ['cat', 'dog', 'bird']" in problem for problem in problems)


def test_files_that_datasets_reads(tmp_path: Path) -> None:
    write_bank(tmp_path)
    (tmp_path / "dataset_info.json").unlink()
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": []}))
    assert verify_bank(tmp_path) == [
        "state.json: lists other shards than genie.json",
        "dataset_info.json: missing, so datasets.load_from_disk cannot open the bank",
    ]
    for content in ("{", "[]"):
        (tmp_path / "state.json").write_text(content)
        assert verify_bank(tmp_path)[0].startswith("state.json: damaged")


def test_a_folder_without_a_bank(tmp_path: Path) -> None:
    (problem,) = verify_bank(tmp_path / "none")
    assert "no bank at" in problem
    (problem,) = verify_bank(tmp_path)
    assert "has no genie.json" in problem


def test_columns_that_later_versions_added_may_be_missing(tmp_path: Path) -> None:
    write_bank(tmp_path, num_shards=1)
    (shard,) = sorted(tmp_path.glob("data-*.arrow"))
    old = read_shard(shard).drop_columns(["margin", "near_duplicate", "blank", "stale"])
    write_shard(shard, old)
    (problem,) = verify_bank(tmp_path)
    assert "SHA-256" in problem
    write_shard(shard, old.drop_columns(["prompt", "image"]))
    (_, problem) = verify_bank(tmp_path)
    assert "is damaged (no columns image, prompt)" in problem


def test_the_command_says_sound_or_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(write_bank(tmp_path))])
    assert capsys.readouterr().out == f"{tmp_path} is sound: 12 rows in 2 shards\n"
    (tmp_path / "data-00000-of-00002.arrow").unlink()
    with pytest.raises(SystemExit) as raised:
        main([str(tmp_path)])
    assert raised.value.code == 1
    assert capsys.readouterr().out == "data-00000-of-00002.arrow: missing\n"


def test_the_command_ends_with_2_where_there_is_no_bank(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder, expected in ((tmp_path / "none", "no bank at"), (tmp_path, "has no genie.json")):
        with pytest.raises(SystemExit) as raised:
            main([str(folder)])
        assert raised.value.code == 2
        assert expected in caplog.records[-1].getMessage()
