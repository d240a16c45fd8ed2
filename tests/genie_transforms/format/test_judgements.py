"""What judges and people say of a bank's rows is joined to these rows and to no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from genie_transforms import Bank, BankFormatError, UserError
from genie_transforms.format import (
    Judgement,
    Manifest,
    carry_judgements,
    judgement_path,
    row_keys,
    rows_digest,
    write_shard,
)
from tests.banks import CLASSES, all_pairs, row, write_bank
from tests.judged import judge, reject


def seeds(bank: Bank) -> list[int]:
    return [one.seed for one in bank]


def test_columns_of_a_judge_are_the_bank_s(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    labels = Bank.open(folder).labels.tolist()
    judge(folder, "oracle", [-1, None, *labels[2:]], target=0.75, source=0.25)
    bank = Bank.open(folder, keep="oracle_class == label & oracle_target_probability > 0.5")
    assert seeds(bank) == list(range(2, 12))
    assert bank.column("oracle_class").dtype == "int32"
    assert bank.column("oracle_source_probability").tolist() == [0.25] * 10
    assert bank.as_dataset().targets == labels[2:]
    assert bank[0].judgements == {
        "oracle_class": labels[2], "oracle_target_probability": 0.75,
        "oracle_source_probability": 0.25, "rejected": False,
    }  # fmt: skip
    # A row that the judge has not seen is neither right nor wrong.
    assert seeds(Bank.open(folder, keep="oracle_class != label")) == [0]
    by_name = Bank.open(folder, keep="oracle_class == 'cat'")
    assert seeds(by_name) == [k for k in range(2, 12) if labels[k] == 0]


def test_rejected_rows_are_left_out_by_default(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    assert len(Bank.open(folder)) == 12
    assert not Bank.open(folder).column("rejected").any()
    reject(folder, [3, 5])
    assert seeds(Bank.open(folder)) == [k for k in range(12) if k not in (3, 5)]
    assert len(Bank.open(folder, keep=None)) == 12
    assert Bank.open(folder).kept.dropped["not rejected"] == 2


def test_a_judgement_of_other_rows_is_refused(tmp_path: Path) -> None:
    folder, other = write_bank(tmp_path / "a"), write_bank(tmp_path / "b", all_pairs()[::-1])
    reject(folder, [3])
    judgement_path(other, "rejected").parent.mkdir()
    judgement_path(other, "rejected").write_bytes(judgement_path(folder, "rejected").read_bytes())
    with pytest.raises(BankFormatError, match=r"rejected.arrow is of other rows .*index.curate"):
        Bank.open(other)
    (problem,) = Bank(other, None).verify()
    assert "other rows" in problem
    assert carry_judgements([other], other, Manifest.read(other)) == []
    assert seeds(Bank.open(other, keep="rejected")) == [3]
    assert Bank.open(other).verify() == []


def test_a_row_that_was_made_anew_is_another(tmp_path: Path) -> None:
    old = write_bank(tmp_path / "old")
    reject(old, [1, 2, 3])
    judge(old, "oracle", list(range(3)) * 4)
    rows = all_pairs()
    rows[1]["image"] = rows[0]["image"]
    rows[2]["source_label"] = 3 - rows[2]["source_label"] - rows[2]["label"]
    new = write_bank(tmp_path / "new", [*rows, row(50, 7, 0, 1)])
    assert carry_judgements([old], new, Manifest.read(new)) == []
    bank = Bank.open(new, keep=None)
    assert seeds(Bank.open(new, keep="rejected")) == [3]
    judged = [one.judgements["oracle_class"] for one in bank]
    assert judged == [0, None, None, *[k % 3 for k in range(3, 12)], None]
    assert bank.verify() == []


def test_shards_that_are_the_same_are_not_read(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    reject(folder, [3])
    manifest = Manifest.read(folder)
    for shard in manifest.shards:
        (folder / shard["name"]).unlink()
    assert carry_judgements([folder], folder, manifest) == []


def test_verdicts_follow_the_order_of_classes_and_end_with_their_set(tmp_path: Path) -> None:
    old = write_bank(tmp_path / "old", [row(0, 0, 0, 1), row(1, 1, 1, 0)], class_names=["a", "b"])
    judge(old, "oracle", [-1, 1])
    turned = [row(0, 0, 1, 0), row(1, 1, 0, 1)]
    new = write_bank(tmp_path / "new", turned, class_names=["b", "a"])
    assert carry_judgements([old], new, Manifest.read(new)) == []
    assert Bank.open(new).column("oracle_class").tolist() == [-1, 0]

    more = write_bank(tmp_path / "more", turned, class_names=["b", "a", "c"])
    reject(old, [0])
    assert carry_judgements([old], more, Manifest.read(more)) == ["oracle"]
    assert seeds(Bank.open(more, keep="rejected")) == [0]


def test_merged_banks_keep_what_was_said(tmp_path: Path, caplog: Any) -> None:
    rows = all_pairs()
    a = write_bank(tmp_path / "a", rows[:8])
    b = write_bank(tmp_path / "b", rows[4:])
    reject(a, [0])
    reject(b, [0, 7])  # rows 4 and 11; the first has an accepted twin in `a`
    judge(a, "oracle", [0] * 8)
    judge(a, "few", [0] * 8, about={"weights": "1"})
    judge(b, "few", [1] * 8, about={"weights": "2"})
    merged = Bank.merge([a, b], tmp_path / "all")
    assert seeds(Bank.open(merged.path, keep="rejected")) == [0, 4, 11]
    judged = [one.judgements["oracle_class"] for one in Bank.open(merged.path, keep=None)]
    assert judged == [0] * 8 + [None] * 4
    assert "few" in caplog.text
    assert not judgement_path(merged.path, "few").exists()
    assert merged.verify() == []


@pytest.mark.parametrize("name", ["", "Oracle", "a-b", "1st", "nearest", "é", "a" * 41, "../x"])
def test_names_that_no_judge_can_have(tmp_path: Path, name: str) -> None:
    folder = write_bank(tmp_path)
    with pytest.raises(UserError, match="judge"):
        judge(folder, name, [0] * 12)


def test_a_file_with_such_a_name_is_refused(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    judge(folder, "oracle", [0] * 12)
    judgement_path(folder, "oracle").rename(judgement_path(folder, "nearest"))
    with pytest.raises(BankFormatError, match="nearest_class"):
        Bank.open(folder)


def change(about: Callable[[dict[str, Any]], Any]) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        said = about(json.loads(table.schema.metadata[b"genie"]))
        return table.replace_schema_metadata({"genie": json.dumps(said)})

    return changed


def put(name: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, values)


DAMAGE = {
    "a class too many": put("class", pa.array([3] * 12, pa.int32())),
    "a class below none": put("class", pa.array([-2] * 12, pa.int32())),
    "more than certain": put("target_probability", pa.array([1.5] * 12, pa.float32())),
    "no number": put("source_probability", pa.array([float("nan")] * 12, pa.float32())),
    "no key": put("key", pa.array([None] * 12, pa.binary(32))),
    "another type": put("class", pa.array([0] * 12, pa.int64())),
    "a column less": lambda table: table.drop_columns(["class"]),
    "says nothing": lambda table: table.replace_schema_metadata({}),
    "no JSON": lambda table: table.replace_schema_metadata({"genie": "["}),
    "nested": lambda table: table.replace_schema_metadata({"genie": "[" * 10**5}),
    "a list": change(lambda said: [said]),
    "numbers for names": change(lambda said: {**said, "class_names": [1, 2, 3]}),
    "other classes": change(lambda said: {**said, "class_names": ["x", *CLASSES[1:]]}),
    "fewer rows": lambda table: table.slice(1),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_file_that_says_what_cannot_be(tmp_path: Path, kind: str) -> None:
    folder = write_bank(tmp_path)
    judge(folder, "oracle", [0] * 12)
    path = judgement_path(folder, "oracle")
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
    path.unlink()
    write_shard(path, DAMAGE[kind](table))
    with pytest.raises(BankFormatError, match=r"oracle\.arrow is (damaged|of other rows)"):
        Bank.open(folder)
    assert "oracle.arrow" in Bank(folder, None).verify()[0]


def test_keys_that_are_of_other_rows_are_found_by_verify(tmp_path: Path) -> None:
    folder = write_bank(tmp_path)
    judge(folder, "oracle", [0] * 12)
    judgement = Judgement.read(folder, "oracle")
    replace(judgement, keys=pa.chunked_array([judgement.keys.combine_chunks()[::-1]])).write(folder)
    (problem,) = Bank.open(folder).verify()
    assert problem == "judgements/oracle.arrow: rows have other keys than their content"


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder, other = write_bank(tmp_path / "a"), write_bank(tmp_path / "b")
    judge(other, "oracle", [0] * 12)
    (folder / "judgements").symlink_to(other / "judgements")
    with pytest.raises(BankFormatError, match="outside the bank"):
        Bank.open(folder)


def test_a_shard_with_a_judge_s_column_is_refused(tmp_path: Path) -> None:
    folder = write_bank(tmp_path, num_shards=1)
    manifest = Manifest.read(folder)
    path = folder / manifest.shards[0]["name"]
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
    path.unlink()
    entry = write_shard(path, table.append_column("rejected", pa.array([True] * 12)))
    (folder / "genie.json").write_text(replace(manifest, shards=[entry]).to_json())
    with pytest.raises(BankFormatError, match="have a column rejected, which is a judge's"):
        Bank.open(folder)


def test_a_bank_without_rows(tmp_path: Path) -> None:
    folder = write_bank(tmp_path, [], num_shards=1)
    judge(folder, "oracle", [])
    reject(folder, [])
    assert len(Bank.open(folder, keep="oracle_class == label")) == 0
    assert Bank.open(folder).verify() == []


def test_keys_do_not_depend_on_numbers(tmp_path: Path) -> None:
    a = write_bank(tmp_path / "a", [row(0, 0, 0, 1)], class_names=["a", "b"], num_shards=1)
    b = write_bank(tmp_path / "b", [row(0, 0, 1, 0)], class_names=["b", "a"], num_shards=1)
    keys = [row_keys(folder, Manifest.read(folder)).to_pylist() for folder in (a, b)]
    assert keys[0] == keys[1]
    assert len(keys[0][0]) == 32
    assert rows_digest(Manifest.read(a)) != rows_digest(Manifest.read(b))
