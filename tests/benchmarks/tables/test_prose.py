"""Figures of README and docs are those of the results that they name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tables.blocks import main
from benchmarks.tables.config import TablesConfig
from benchmarks.tables.prose import complaints

GAIN = {
    "gain": {"difference": 0.0985, "interval": [0.013, 0.184]},
    "few": [{"arm": "genie", "k": 1, "accuracy": 70.0}, {"arm": "genie", "k": 5, "accuracy": 79.4}],
    "pairs": 1200,
}

RIGHT = """# A page

<!-- figures gain.json
gains # points (# … #) := 100 * gain["difference", "interval"]
of # pairs := pairs
-->
GeNIe gains 9.8 points
(1.3 … 18.4) of 1,200 pairs.
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "gain.json").write_text(json.dumps(GAIN))
    return tmp_path / "results"


def found(text: str, results: Path) -> list[tuple[int, str]]:
    return [(complaint.line, complaint.what) for complaint in complaints(text, results)]


def test_right_figures_pass(results: Path) -> None:
    assert found(RIGHT, results) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "what"),
    [
        ("9.8 points", "9.9 points", 7, "9.9 should be 9.8 (gains 9.9 points (1.3 … 18.4); gain"),
        ("1.3 …", "-1.3 …", 8, "-1.3 should be 1.3 "),
        ("18.4)", "18)", 8, ""),
        ("1,200", "1,300", 8, "1,300 should be 1,200 "),
    ],
)
def test_a_wrong_figure_is_found_with_its_line(
    right: str, wrong: str, line: int, what: str, results: Path
) -> None:
    text = RIGHT.replace(right, wrong)
    assert [(at, said[: len(what)]) for at, said in found(text, results)] == (
        [(line, what)] if what else []  # 18 is 18.4 at the precision that is printed
    )


@pytest.mark.parametrize(
    ("measured", "numbers"),
    [
        ("88.1", ["88.1"]),
        ("+0.4 … .75", ["+0.4", ".75"]),
        ("5 points", ["5"]),
        ("69 and 19 %", ["69", "19"]),
        ("3 GB in 20ms, 8x as fast", ["3", "20", "8"]),
        ("1,100 images/s", ["1,100"]),
        ("7 ± 1", ["7", "1"]),
    ],
)
def test_an_unmarked_figure_is_refused(measured: str, numbers: list[str], results: Path) -> None:
    refused = found(f"# A page\n\nIt reaches {measured} here.\n", results)
    assert [what.split(" has no source")[0] for _, what in refused] == numbers
    assert {line for line, _ in refused} == {3}


def test_a_cell_of_a_table_made_by_hand_is_refused(results: Path) -> None:
    assert found("| accuracy |\n| --- |\n| **81** |\n", results)[0][0] == 3


@pytest.mark.parametrize(
    "free",
    [
        "With r = .3 … 1, p = 0.5, at .8 and in 95 % intervals of Python 3.10 and torch 2.3.1.",
        "An image of 32 x 32 pixels, 4 x 8 x 8, five-way 1-shot, 200 episodes.",
        "`--noise-ratio 0.8`, [a link](page-1.5.md) and ![a picture of 9.9 %](x.png)",
        "```\n0.123 %\n```",
        "<!-- table few-shot -->\n| 88.1 |\n<!-- end -->",
        "<!-- not measured: published settings -->\nRate .008 for 90 minutes,\nthen 0.1.",
    ],
)
def test_settings_code_and_generated_tables_need_no_source(free: str, results: Path) -> None:
    assert found(free, results) == []


def test_a_mark_reaches_to_the_end_of_its_paragraph(results: Path) -> None:
    text = "<!-- not measured: a setting -->\nIt takes 5 s.\n\nIt takes 6 s.\n"
    assert [line for line, _ in found(text, results)] == [4]


def test_words_beside_the_hash_are_not_compared_and_so_not_a_source(results: Path) -> None:
    text = "<!-- figures gain.json\n70.1 and # := few(k=5).accuracy\n-->\nFrom 70.1 and 79.4 on.\n"
    assert [what[:8] for _, what in found(text, results)] == ["70.1 has"]


@pytest.mark.parametrize(
    ("figure", "what"),
    [
        ("loses # points := 1", "'loses # points' stands 0 times in the paragraph, not once"),
        ("# := 1", "'#' stands 2 times"),
        ("gains # := gain.differences", "'gain.differences' is nothing in the JSON: KeyError"),
        ("gains # := few(arm='genie').accuracy", "2 entries of the JSON have {'arm': 'genie'}"),
        ("gains # := gain.interval", "'gains 1.5' has 1 numbers, gain.interval 2"),
        ("gains # := open('x')", "is nothing in the JSON"),
        ("gains #", "'gains 1.5' has no source: write WORDS := EXPRESSION"),
    ],
)
def test_a_comment_that_is_wrong_is_named(figure: str, what: str, results: Path) -> None:
    text = f"<!-- figures gain.json\n{figure}\n-->\nIt gains 1.5 and 2.5.\n"
    assert any(line == 1 and what in said for line, said in found(text, results))


def test_an_unknown_result_is_named(results: Path) -> None:
    text = "<!-- figures gian.json\ngains # := 1\n-->\nIt gains 1.5.\n"
    assert "there is no result gian.json" in [what for _, what in found(text, results)]


def test_expressions_of_several_comments_before_one_paragraph(results: Path) -> None:
    (results / "other.json").write_text('{"seconds": 90}')
    text = (
        "<!-- figures gain.json\nby # points := few(k=5).accuracy - few(k=1).accuracy\n-->\n"
        "<!-- figures other.json\nin # minutes := seconds / 60\n"
        "at most # s := max(seconds, 12)\n-->\n"
        "- It grows by 9.4 points in 1.5 minutes,\n- at most 90 s.\n"
    )
    assert found(text, results) == []


def test_the_command_lists_stale_figures(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(RIGHT)
    main(TablesConfig(root=tmp_path, results=results))
    gain = GAIN | {"pairs": 1300}
    (results / "gain.json").write_text(json.dumps(gain))
    with pytest.raises(ValueError, match=r"1 places of the prose"):
        main(TablesConfig(root=tmp_path, results=results))
    assert "README.md:8: 1,200 should be 1,300 (of 1,200 pairs; gain" in capsys.readouterr().out
