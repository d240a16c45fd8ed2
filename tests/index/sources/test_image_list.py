"""Lists of images: lines, tables, objects."""

import json
from pathlib import Path

import pytest
from PIL import Image

from genie_transforms import MissingFileError, UserError
from index.sources.open import open_source

FILES = ("a.png", "my owl.png", "c.png")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in FILES:
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / name)
    return tmp_path / "images"


def _text(kind: str, labels: list[str], names: list[str] | None = None) -> str:
    rows = [[*row] for row in zip(FILES, labels, *([names] if names else []), strict=True)]
    header = ["path", "label", "class_name"][: len(rows[0])]
    match kind:
        case "txt":
            return "\n".join(f"{path} {label}" for path, label, *_ in rows) + "\r\n\n"
        case "jsonl":
            return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows)
    delimiter = "," if kind == "csv" else "\t"
    return "\n".join(delimiter.join(row) for row in [header, *rows])


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "jsonl"])
@pytest.mark.parametrize(
    ("labels", "names", "classes", "expected"),
    [
        (["owl", "fox", "owl"], None, ["fox", "owl"], [1, 0, 1]),
        (["1", "0", "1"], None, ["0", "1"], [1, 0, 1]),
        (["1", "0", "1"], ["fox", "owl", "fox"], ["owl", "fox"], [1, 0, 1]),
    ],
)
def test_every_form_says_the_same(
    images: Path,
    kind: str,
    labels: list[str],
    names: list[str] | None,
    classes: list[str],
    expected: list[int],
) -> None:
    if kind == "txt" and names:
        names, classes = None, ["0", "1"]
    path = images.parent / f"list.{kind}"
    path.write_text(_text(kind, labels, names))
    source = open_source(str(path), str(images))
    assert (source.class_names, source.labels.tolist()) == (classes, expected)
    assert (list(source.ids), source.kind) == (list(FILES), "list")
    assert source.image(1).size == (6, 4)


def test_images_are_beside_their_list(images: Path) -> None:
    path = images / "list.txt"
    path.write_text("a.png x\nc.png y\n")
    assert len(open_source(str(path))) == 2
    path.rename(images.parent / "list.txt")
    with pytest.raises(MissingFileError, match=r"2 images, none of which .*'a\.png'.*--image-root"):
        open_source(str(images.parent / "list.txt"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.txt", "a.png x\nc.png\n", r"line 2: expected a path and a label, got 'c\.png'"),
        ("l.txt", "", "lists no image"),
        ("l.txt", "a.png 1\nc.png 2\n", r"0, 1, 2, … without gaps.*found \[1, 2\]"),
        (
            "l.txt",
            "path 0\na.png x\n" + "c.png 10\nc.png 2\n",
            "words, such as 'x', so 10 would be",
        ),
        ("l.txt", "path label\na.png 0\nc.png 1\n", "'label' of the first line: remove the head"),
        (
            "l.txt",
            "a.png 1\nc.png x\nd.png y\n",
            "also words, .* so 1 would be class 0",
        ),
        ("l.txt", "a.png 0.0\nc.png 1.0\n", "are no class numbers"),
        ("l.csv", "a.png,1\nc.png,2\n", r"one column called path or .*, has \['a\.png', '1'\]"),
        ("l.csv", "path,label,class\na.png,1,x\n", "one column called label or target or class"),
        ("l.csv", "path,label\na.png,1,x\n", "expected 2 columns"),
        ("l.csv", "path,label\na.png,\n", "without a path, label or name"),
        ("l.csv", "path,label,class_name\na.png,0,x\nc.png,0,y\n", "calls class 0 'x' and also"),
        ("l.jsonl", '{"path": "a.png"', "line 1 is not JSON"),
        ("l.jsonl", "[1]", "line 1: expected an object"),
        ("l.jsonl", '{"path": "a.png", "label": [1]}', "expected a number or a word, got"),
    ],
)
def test_mistakes_are_named(images: Path, name: str, text: str, message: str) -> None:
    (images / name).write_text(text)
    with pytest.raises(UserError, match=message):
        open_source(str(images / name))


def test_names_of_digits_among_words_are_names(images: Path) -> None:
    (images / "l.txt").write_text("a.png 911\nc.png cayenne\na.png boxster\n")
    assert open_source(str(images / "l.txt")).class_names == ["911", "boxster", "cayenne"]


def test_spaces_do_not_turn_numbers_into_words(images: Path) -> None:
    (images / "l.csv").write_text("path, label\n a.png, 1\nc.png, 0\n")
    assert open_source(str(images / "l.csv")).labels.tolist() == [1, 0]


def test_names_of_one_letter_may_be_digits(images: Path) -> None:
    (images / "l.txt").write_text("a.png 0\nc.png 1\na.png A\n")
    source = open_source(str(images / "l.txt"))
    assert (source.class_names, source.labels.tolist()) == (["0", "1", "A"], [0, 1, 2])
