"""Tables that users write: what is read, and what is refused."""

from pathlib import Path

import pytest

from genie_transforms import UserError
from index.sources.tables import read_csv, read_mapping

ENTRIES = {
    "n01": {"name": "tench, big", "superclass": "fish"},
    "n02": {"name": "Fähre", "superclass": ""},
}
JSON = '{"n01": {"name": "tench, big", "superclass": "fish", "note": 1}, "n02": "Fähre"}'
CSV = 'superclass,folder,name\r\nfish,n01,"tench, big"\r\n\r\n,n02,Fähre\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(("suffix", "text"), [("json", JSON), ("csv", CSV)])
def test_both_kinds_say_the_same_with_and_without_byte_order_mark(
    tmp_path: Path, suffix: str, text: str, encoding: str
) -> None:
    path = tmp_path / f"names.{suffix}"
    path.write_bytes(text.encode(encoding))
    assert read_mapping(path, "folder", ["name", "superclass"]) == ENTRIES


def test_what_is_not_given_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("folder,name,superclass\nn01\nn02,ferry\n")
    expected = {
        "n01": {"name": "", "superclass": ""},
        "n02": {"name": "ferry", "superclass": ""},
    }
    assert read_mapping(path, "folder", ["name", "superclass"]) == expected
    path = tmp_path / "names.json"
    path.write_text('{"n01": {}, "n02": {"name": "ferry", "superclass": null}}')
    assert read_mapping(path, "folder", ["name", "superclass"]) == expected


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("a.json", b'{"a": "1", "a": "2"}', "names the id 'a' twice"),
        ("a.csv", b"id,text\na,1\na,2\n", "names the id 'a' twice"),
        ("a.json", b'{"a": {"text": "1"}}', r"expected \{\"id\": \"text\", …\}, found \('a'"),
        ("a.csv", b"id,text\na,one, two\n", r"'a,one, two' has 3 cells .*in quotes"),
        ("a.json", b'{"a": "1"', r"a\.json is not JSON: .*line 1"),
        ("a.csv", b"id;text\na;1\n", r"needs the columns id and text, has \['id;text'\]"),
        ("a.csv", b"", r"needs the columns id and text, has \[\]"),
        ("a.csv", b"id,text\na,F\xe4hre\n", r"a\.csv is not UTF-8: .*0xe4"),
        (
            "a.tsv",
            b"id\ttext\n",
            r"a \.json or \.csv file that maps each id to a text",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_mapping(path, "id", ["text"])


def test_rows_of_csv_keep_line_breaks_in_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,"1\r\n2"\r\n\r\nb,3')
    assert read_csv(path) == [["a", "1\r\n2"], ["b", "3"]]


def test_entries_of_which_nothing_is_known_are_refused(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('{"n01": {"display": "tench"}}')
    with pytest.raises(UserError, match=r"'n01' has \['display'\], but none of \['name', 'super"):
        read_mapping(tmp_path / "names.json", "folder", ["name", "superclass"])
    (tmp_path / "names.csv").write_text("folder,name\nn01,tench,,\n")  # as spreadsheets save it
    assert read_mapping(tmp_path / "names.csv", "folder", ["name"]) == {"n01": {"name": "tench"}}
