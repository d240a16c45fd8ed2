"""Figures of the prose, compared with the results that a comment names.

A comment before a paragraph, list or table says where its figures come from, each by the words
around it, with # in place of the number:

    <!-- figures confounded.json
    gains # points (# … #) := 100 * gain.difference, 100 * gain.interval
    over # seeds := not measured: a setting
    -->
    GeNIe gains 9.9 points (1.3 … 18.4) over 4 seeds.

`<!-- not measured: REASON -->` stands before one that has none. A number that looks measured and of
which no comment speaks is refused. What may stand on the right: `expressions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from genie_transforms import UserError

from .expressions import evaluate
from .markdown import read

_UNITS = r"points?|percent|times|fold|dB|µs|ms|min|minutes?|seconds?|hours?|[KMGT]i?B|\w+/s|[sh]"
_NUMBER = (
    r"(?<![\w.,])(?<!\w-)[+−-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)"
    rf"(?![.,]\d)(?:(?!\w)|(?=(?:{_UNITS}|x)\b))"
)
_WITH_UNIT = re.compile(
    rf"(?:\s*(?:,|and|or|to|against|…|→|/)\s*{_NUMBER})*"
    rf"(?:x\b|\s?(?:%|×|±|(?:{_UNITS}|\w+ per second)\b))"
)
_CELL = re.compile(r"[*\s]*\|")  # of a table that was made by hand
_SETTING = re.compile(  # r = .3 … 1; a noise ratio alone, .8; intervals of 95 %; what is named
    rf"\b[a-zA-Z]\s[=<>≤≥]\s{_NUMBER}(?:\s(?:…|or)\s{_NUMBER})?|(?<![\w+−-])\.\d(?!\d| %| point)"
    rf"|95 %\s(?:bootstrap\s)?(?:t-)?intervals?|(?:Python|Section|[Tt]ables?)\s{_NUMBER}"
)
_COMMENT = re.compile(r"<!-- (?:figures (\S+)\n(.*?)|not measured: [^\n]+? )-->", re.DOTALL)
_NO_PROSE = re.compile(
    r"^ *```.*?^ *```|<!-- table .*?<!-- end -->|<!--.*?-->|!\[[^\]]*\]|\]\([^)]*\)|`[^`\n]+`",
    re.DOTALL | re.MULTILINE,
)
_NOT_MEASURED = "not measured: "


class Complaint(NamedTuple):
    """What is wrong with a number in a line of a document."""

    line: int
    what: str


def complaints(text: str, results: Path) -> list[Complaint]:
    """Return which figures of a document are not those of the results, or have no source."""
    prose = _NO_PROSE.sub(_blank, text)  # places in it are places in the text
    spoken_of = {at for found in _SETTING.finditer(prose) for at in range(*found.span())}
    wrong = []
    for comment in _COMMENT.finditer(text):
        begin, end = _paragraph(prose, comment.end())
        if comment[1] is None:
            spoken_of.update(range(begin, end))
            continue
        for words, expression in _figures(comment[2]):
            try:
                quote = _quote(words, text, begin, end)
                if expression.startswith(_NOT_MEASURED):
                    spoken_of.update(range(*quote.span()))
                    continue
                spoken_of.update(quote.start(group) for group in range(1, quote.re.groups + 1))
                for place, what in _differences(quote, expression, results / comment[1]):
                    wrong.append(Complaint(_line(text, place), what))
            except UserError as error:
                wrong.append(Complaint(_line(text, comment.start()), str(error)))
    for found in re.finditer(_NUMBER, prose):
        if found.start() not in spoken_of and _looks_measured(found, prose):
            what = f"{found[0]} has no source: name it in <!-- figures … --> before the paragraph"
            wrong.append(Complaint(_line(text, found.start()), what))
    return sorted(wrong, key=lambda complaint: complaint.line)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"\S", " ", found[0])


def _line(text: str, place: int) -> int:
    return 1 + text.count("\n", 0, place)


def _paragraph(prose: str, after: int) -> tuple[int, int]:
    """Return where the next lines that are not blank begin and end."""
    begin = after + len(prose[after:]) - len(prose[after:].lstrip())
    end = re.compile(r"\n\s*\n|\Z").search(prose, begin)
    return begin, end.start() if end else begin


def _figures(lines: str) -> Iterator[tuple[str, str]]:
    """Give the words and the expression of each figure; a line without `:=` goes on."""
    for figure in re.split(r"\n(?=.* :=)", lines.strip()):
        words, _, expression = figure.partition(" :=")
        yield words, " ".join(expression.split())


def _quote(words: str, text: str, begin: int, end: int) -> re.Match[str]:
    """Find the words in a paragraph, with a group for each number."""
    parts = (r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in words.split("#"))
    pattern = f"({_NUMBER})".join(parts)
    pattern = (r"(?<![\w.,])" if words[0] != "#" else "") + pattern + r"(?!\w)"
    found = list(re.compile(pattern).finditer(text, begin, end))
    if len(found) != 1:
        raise UserError(f"{words!r} stands {len(found)} times in the paragraph, not once")
    return found[0]


def _differences(quote: re.Match[str], expression: str, path: Path) -> Iterator[tuple[int, str]]:
    """Give place and wording of each number of a quote that is not what the result has."""
    if not expression:
        raise UserError(f"{quote[0]!r} has no source: write WORDS := EXPRESSION")
    if not path.is_file():
        raise UserError(f"there is no result {path.name}")
    values = evaluate(expression, read(path.parent, path.name))
    words, printed_numbers = " ".join(quote[0].split()), quote.groups()
    if len(values) != len(printed_numbers):
        raise UserError(f"{words!r} has {len(printed_numbers)} numbers, {expression} {len(values)}")
    for group, (printed, value) in enumerate(zip(printed_numbers, values, strict=True), 1):
        wanted = _printed_like(printed, value)
        if float(wanted.replace(",", "")) != float(printed.replace(",", "").replace("−", "-")):
            yield quote.start(group), f"{printed} should be {wanted} ({words}; {path.name})"


def _printed_like(printed: str, value: float) -> str:
    """Format a value as another number is printed: its decimals, its sign, its commas."""
    decimals = len(printed.partition(".")[2])
    return f"{value:{'+' if printed[0] == '+' else ''}{',' if ',' in printed else ''}.{decimals}f}"


def _looks_measured(found: re.Match[str], prose: str) -> bool:
    before = prose[: found.start()].rstrip(" *")[-1:]
    return bool(
        "." in found[0]
        or before == "±"
        or _WITH_UNIT.match(prose, found.end())
        or (before == "|" and _CELL.match(prose, found.end()))
    )
