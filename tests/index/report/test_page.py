"""The report of a bank: its numbers by hand, its HTML read back, and what it must not contain."""

from __future__ import annotations

import base64
import io
import json
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import tyro
from PIL import Image

from genie_transforms.format import MANIFEST, merge_banks
from index.config import BuildConfig
from index.report.choice import MOST_ROWS, review_groups, shown_rows
from index.report.columns import Columns
from index.report.counts import Cell, Clause, clauses, histogram, matrix, shown_classes
from index.report.gallery import sparkline, thumbnail
from index.report.page import MOST_BYTES, rebuild_command, render, write_report
from tests.banks import CLASSES, all_pairs, negative_colour, png, row, source_image, write_bank
from tests.judged import judge

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """All elements of a page, with their attributes; the text of all but script and style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._raw = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._raw else f" {' '.join(data.split())}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def cards(self) -> list[dict[str, str | None]]:
        return [card for card in self.all("article") if "data-row" in card]


def mixed_rows() -> list[dict[str, Any]]:
    """Five rows: three of cat → dog, one of them off target; dog → bird twice, one unmeasured."""
    return [
        row(0, 0, 0, 1, noise_ratio=0.5, margin=0.3),
        row(1, 3, 0, 1, noise_ratio=0.7, margin=0.1),
        row(2, 6, 0, 1, noise_ratio=0.7, margin=-0.2, nearest_class=0, on_target=False),
        row(3, 1, 1, 2, noise_ratio=0.9, margin=0.2, duplicate=True),
        row(4, 4, 1, 2, noise_ratio=0.7, margin=None, nearest_class=None, on_target=None),
    ]


def test_counts_by_hand(tmp_path: Path) -> None:
    columns = Columns.read(write_bank(tmp_path / "bank", mixed_rows()))
    classes = shown_classes(columns)
    assert classes == [0, 1, 2]
    bars = histogram(columns, classes)
    assert dict(zip(bars.ratios, bars.counts, strict=True)) == {"0.5": 1, "0.7": 3, "0.9": 1}
    assert bars.targets == [("dog", [1, 2, 0]), ("bird", [0, 1, 1])]
    none = Cell(0, 0, 0)
    expected = [[none, Cell(3, 3, 2), none], [none, none, Cell(2, 1, 1)], [none, none, none]]
    assert matrix(columns, classes) == expected
    assert (expected[0][1].percent, none.percent) == (67, None)
    # The row that was not measured is dropped by `on_target`, as in a filter.
    assert clauses(columns)[:3] == [
        Clause("on_target", True, 2, 2),
        Clause("~duplicate", True, 1, 1),
        Clause("~near_duplicate", False, 0, 0),
    ]


def test_what_to_review_is_ordered_by_margin(tmp_path: Path) -> None:
    rows = [*mixed_rows(), row(5, 9, 0, 2, margin=-0.4, nearest_class=0, on_target=False)]
    folder = write_bank(tmp_path / "bank", rows)
    expected = {"hardest": [1, 3, 0], "near": [2, 5], "doubtful": [5, 2], "disputed": []}
    assert review_groups(Columns.read(folder)) == expected
    # On target are rows 0, 1 and 3; one judge doubts the first two, the other has seen nothing.
    judge(folder, "oracle", [0, -1, 0, 2, 2, 0], target=[0.4, 0.1, 0.0, 0.9, 0.9, 0.0])
    judge(folder, "blind", [None] * 6)
    expected["disputed"] = [1, 0]
    assert review_groups(Columns.read(folder)) == expected


def test_every_target_is_shown_in_turn(tmp_path: Path) -> None:
    rows = [row(k, k, 0, 1 + (k > 19)) for k in range(22)]  # 20 dogs, 2 birds
    columns = Columns.read(write_bank(tmp_path / "bank", rows))
    shown = shown_rows(columns, [7, 3], 6)
    assert shown[:2] == [7, 3]
    assert {20, 21} < set(shown)
    assert sorted(shown_rows(columns, [])) == list(range(22))


def test_many_noise_ratios_share_ten_bars(tmp_path: Path) -> None:
    rows = [row(k, k, 0, 1, noise_ratio=(k + 1) / 20) for k in range(20)]
    bars = histogram(Columns.read(write_bank(tmp_path / "bank", rows)), [1])
    assert bars.ratios[7] == "0.7 – 0.8"
    assert bars.counts == [1, *[2] * 8, 3]  # .05 | .1 .15 | … | .9 .95 1


def test_the_drawing_marks_r_star() -> None:
    line = sparkline([0.5, 0.7, 0.9], [0.0, 0.5, 1.0], 0.7)
    assert line is not None
    assert line.points == "8.0,56.0 120.0,32.0 232.0,8.0"
    assert (line.zero, line.one, line.chosen) == (56.0, 8.0, (120.0, 32.0))
    assert line.text == "projections: 0.00 at 0.5, 0.50 at 0.7, 1.00 at 0.9; r* = 0.7"
    assert sparkline([0.8], [0.4], 0.8) is None
    assert sparkline([0.5, 0.7], [0.1, float("nan")], 0.7) is None


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report") / f"bank {EVIL[:8]}"
    rows = [
        {**one, "source_id": EVIL, "sweep": [one["image"]] * 3}
        for one in [*mixed_rows(), *all_pairs()[5:]]
    ]
    names = [EVIL, 'd"og', "bird"]
    write_bank(folder, rows, class_names=names, keep_sweep=True)
    path = write_report(folder, source_image=lambda _: source_image(0))
    return path.read_text()


def test_every_image_has_a_size_and_words(html: str) -> None:
    page = Page(html)
    images = page.all("img")
    # The negative and three of the sweep in each card; the source where it is still the same image.
    assert len(images) == 12 * 4 + 1
    for image in images:
        assert image["alt"]
        uri = image["src"] or ""
        decoded = Image.open(
            io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")))
        )
        assert (image["width"], image["height"]) == (str(decoded.width), str(decoded.height))
    assert sum((image["alt"] or "").startswith("source: ") for image in images) == 1
    drawings = page.all("svg")
    assert len(drawings) == 12
    assert all(one["role"] == "img" and one["aria-label"] for one in drawings)


def test_nothing_is_fetched_and_nothing_of_the_bank_is_code(html: str) -> None:
    page = Page(html)
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/jpeg;base64,")), tag
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert len(page.all("script")) == 1
    assert EVIL not in html
    assert EVIL in page.text
    assert {card["data-source"] for card in page.cards()} >= {EVIL, 'd"og'}
    policy = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy[0] is not None
    assert policy[0].startswith("default-src 'none'")


def test_controls_have_labels_and_ids_are_there_once(html: str) -> None:
    page = Page(html)
    assert len(page.all("label")) >= len(page.all("select")) > 5
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert {link[1:] for link in links if link} <= set(ids)
    assert page.all("html")[0]["lang"] == "en"


def test_a_card_says_what_the_row_is(tmp_path: Path) -> None:
    page = Page(render(write_bank(tmp_path / "bank", mixed_rows())))
    card = next(card for card in page.cards() if card["data-row"] == "2")
    assert (card["data-source"], card["data-target"]) == ("cat", "dog")
    assert (card["data-ratio"], card["data-margin"]) == ("0.7", "-0.20000000298023224")
    assert (card["data-marks"], card["data-group"]) == ("off_target", "near doubtful")
    assert next(card for card in page.cards() if card["data-row"] == "4")["data-margin"] == ""
    assert "5 of 5 rows" in page.text


def test_a_large_bank_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(k, k, k % 3, (k + 1) % 3, margin=k / 100) for k in range(MOST_ROWS + 1)]
    folder = write_bank(tmp_path / "bank", rows)
    html = render(folder)
    assert len(Page(html).cards()) == MOST_ROWS
    assert f"{MOST_ROWS} of {MOST_ROWS + 1} rows, those to review first" in Page(html).text
    assert len(html.encode()) < MOST_BYTES
    small = render(folder, most_bytes=100_000)
    assert len(small.encode()) <= 100_000
    # The hardest come first, whatever there is room for.
    assert [card["data-row"] for card in Page(small).cards()][:2] == ["0", "1"]
    assert len(Page(render(folder, most_bytes=1)).cards()) == 0


def test_large_images_become_thumbnails(tmp_path: Path) -> None:
    image = {"bytes": png(Image.new("RGB", (500, 250), negative_colour(0))), "path": None}
    page = Page(render(write_bank(tmp_path / "bank", [row(0, 0, 0, 1, image=image)])))
    assert [(one["width"], one["height"]) for one in page.all("img")] == [("128", "64")]


def test_thumbnails_of_photographs_are_upright() -> None:
    image = Image.new("RGB", (8, 4))
    image.getexif()[0x0112] = 6  # a quarter clockwise
    found = thumbnail(image, 64, "source")
    assert (found.width, found.height) == (4, 8)


def test_a_bank_of_few_columns_or_no_rows_has_a_report(tmp_path: Path) -> None:
    bare = {"noise_ratios": [], "projections": [], "margin": None, "prompt": None, "seed": None}
    unknown = {"nearest_class": None, "on_target": None, "duplicate": None}
    page = Page(render(write_bank(tmp_path / "bare", [row(0, 0, 0, 1, **bare, **unknown)])))
    assert len(page.cards()) == 1
    assert page.all("svg") == []
    empty = Page(render(write_bank(tmp_path / "empty", [])))
    assert "0 of 0 rows" in empty.text


def test_the_command_gives_the_recipe_again(tmp_path: Path) -> None:
    prompt = "It's --a <b>{target}</b>"
    config = BuildConfig(method="genie", noise_ratio=0.7, prompt=prompt, max_pairs=3)

    def with_recipe(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "recipe": config.recipe()}

    folder = write_bank(tmp_path / "bank", change=with_recipe)
    command = rebuild_command(folder)
    assert command is not None
    assert command in " ".join(Page(render(folder)).text.split())  # as it can be copied
    words = shlex.split(command)
    assert words[:5] == ["python", "-m", "index.build", "--out", "NEW-FOLDER"]
    assert tyro.cli(BuildConfig, args=words[3:]).recipe() == config.recipe()
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["recipe"] = {"method": "merge", "banks": []}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert rebuild_command(folder) is None
    assert "was merged, imported" in Page(render(folder)).text


def test_failures_and_costs_come_from_the_statistics(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank", mixed_rows())
    failures = [{"source": k, "target": 1, "reason": "black <b>"} for k in range(2)]
    (folder / "stats").mkdir()
    content = {"failures": failures, "network_rows": 9, "seconds": {"network": 3.0, "decode": 1.0}}
    (folder / "stats" / "00000.json").write_text(json.dumps(content))
    text = " ".join(Page(render(folder)).text.split())
    assert "black <b> 2" in text
    assert "network 3.0 decode 1.0" in text
    assert "2.00 s" in text  # 4 seconds for the 2 rows that the default filter keeps
    assert "2 of 5" in text
    assert list(CLASSES) == ["cat", "dog", "bird"]


def test_the_cost_of_a_grown_bank_is_not_divided_among_rows_that_it_does_not_count(
    tmp_path: Path,
) -> None:
    def text(name: str, **counts: int) -> str:
        folder = write_bank(
            tmp_path / name,
            mixed_rows(),
            change=lambda fields: {**fields, "counts": {**fields["counts"], **counts}},
        )
        (folder / "stats").mkdir()
        content = {"failures": [], "network_rows": 9, "seconds": {"network": 3.0}}
        (folder / "stats" / "00000.json").write_text(json.dumps(content))
        return " ".join(Page(render(folder)).text.split())

    new = text("new", network_rows=9, reused=0)  # the default filter keeps two rows
    assert "of them for each row that is used 4.5" in new
    assert "time for each row that is used 1.50 s" in new
    assert "last builds" not in new
    grown = text("grown", network_rows=9, reused=3)
    assert "for each row that is used" not in grown
    assert "rows through the denoiser in the last builds, guidance counted 9" in grown
    assert "of this bank's last builds, 3 pairs reused" in grown


def test_failures_of_a_merged_bank_have_no_known_reason(tmp_path: Path) -> None:
    parts = [
        write_bank(
            tmp_path / name,
            rows,
            change=lambda fields: {**fields, "counts": {**fields["counts"], "failed": 2}},
        )
        for name, rows in (("a", mixed_rows()[:2]), ("b", mixed_rows()[2:]))
    ]
    merge_banks(parts, tmp_path / "merged")
    text = " ".join(Page(render(tmp_path / "merged")).text.split())
    assert "pairs failed 4" in text
    assert "reasons not known 4" in text
    assert "None." not in text
