"""Tables of README and docs are what the results give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.tables.blocks import TABLES, main, rendered
from benchmarks.tables.config import TablesConfig
from benchmarks.tables.markdown import three_digits

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks" / "results"


def test_every_table_is_up_to_date_and_used() -> None:
    main(TablesConfig(check=True))
    text = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    assert [name for name in TABLES if f"<!-- table {name} -->" not in text] == []


def test_a_new_result_makes_its_table_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(RESULTS, tmp_path / "results")
    (tmp_path / "docs").mkdir()
    page = "before\n<!-- table noise-ratio -->\nold\n<!-- end -->\nafter\n"
    (tmp_path / "README.md").write_text(page)
    config = TablesConfig(root=tmp_path, results=tmp_path / "results")
    main(config)
    written = (tmp_path / "README.md").read_text()
    assert written.startswith("before\n<!-- table noise-ratio -->\n| r | 0.3 |")
    assert written.endswith("\n<!-- end -->\nafter\n")
    assert "old" not in written
    main(TablesConfig(root=tmp_path, results=tmp_path / "results", check=True))

    demo = json.loads((tmp_path / "results/demo.json").read_text())
    demo["oracle_accuracy"][0] = 0.4321
    (tmp_path / "results/demo.json").write_text(json.dumps(demo))
    with pytest.raises(ValueError, match=r"tables of README\.md are not what the results give"):
        main(TablesConfig(root=tmp_path, results=tmp_path / "results", check=True))
    assert (tmp_path / "README.md").read_text() == written
    main(config)
    assert "| oracle says target, % | 43 |" in (tmp_path / "README.md").read_text()


def test_a_long_tail_of_one_seed_has_no_intervals(tmp_path: Path) -> None:
    content = json.loads((RESULTS / "long_tail.json").read_text())
    content["arms"] = [entry for entry in content["arms"] if entry["seed"] == 0]
    content["deviations"] = {name: {"few": None} for name in content["means"]}
    for by_group in content["secondary"].values():
        for entry in by_group.values():
            entry |= {"interval": [None, None], "seeds": 1}
    (tmp_path / "long_tail.json").write_text(json.dumps(content))
    few = 100 * content["means"]["none"]["few"]
    assert f"| `none` | 1 | {few:.1f} | " in TABLES["long-tail"](tmp_path)
    assert "| `genie` − `none` | 1 | " in (table := TABLES["long-tail-secondary"](tmp_path))
    assert table.count(" (–) |") == 2 * len(content["secondary"])


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(ValueError, match="there is no table 'speeed'; choose among main"):
        rendered("<!-- table speeed -->\n<!-- end -->", RESULTS)


@pytest.mark.parametrize(
    ("value", "text"), [(1358.3, "1,358"), (206.5, "206"), (26.96, "27"), (6.706, "6.71")]
)
def test_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text
