"""The report in a real browser: no errors, no requests, and filters that show the right rows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

import pytest

from genie_transforms import Bank
from index.curate import main
from index.report.page import write_report
from tests.banks import row, write_bank
from tests.judged import judge, reject

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

EVIL = "<script>document.title = 'run'</script>"

# Sets controls as a user does, and notes the rows that are seen, in their order.
SCRIPT = """
<script>
const form = document.getElementById("controls");
function rows(choices) {
  form.reset();
  for (const [name, value] of Object.entries(choices)) form.elements[name].value = value;
  form.dispatchEvent(new Event("change", { bubbles: true }));
  return [...document.querySelectorAll("article")]
    .filter((card) => card.checkVisibility()).map((card) => Number(card.dataset.row));
}
for (const [row, decision] of CLICKS) {
  document.querySelector(`article[data-row="${row}"] [data-decision="${decision}"]`).click();
}
let saved = null;
URL.createObjectURL = (blob) => { saved = blob; return "#"; };
document.getElementById("download").click();
const sizes = [...document.images].every((image) => image.complete && image.naturalWidth > 0);
const result = {
  seen: CHOICES.map(rows), sizes, title: document.title,
  wide: document.documentElement.scrollWidth - window.innerWidth,
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 20)),
  decided: document.getElementById("decided").textContent,
  pressed: document.querySelectorAll('[aria-pressed="true"]').length,
};
(saved ? saved.text() : Promise.resolve("")).then((list) => {
  const sink = document.createElement("pre");
  sink.id = "result";
  sink.textContent = btoa(JSON.stringify({ ...result, list }));
  document.body.append(sink);
});
</script>
</body>"""


def test_filters_show_the_right_rows_and_nothing_goes_wrong(tmp_path: Path) -> None:
    rows = [
        row(0, 0, 0, 1, noise_ratio=0.5, margin=0.3),
        row(1, 3, 0, 2, noise_ratio=0.7, margin=0.1, blank=True),
        row(2, 1, 1, 2, noise_ratio=0.9, margin=-0.2, nearest_class=0, on_target=False),
        row(3, 2, 2, 1, noise_ratio=0.7, margin=None),
    ]
    names = ["cat", EVIL, "b" * 60]
    path = write_report(write_bank(tmp_path / "bank", rows, class_names=names))
    expected: list[tuple[dict[str, str], list[int]]] = [
        ({}, [0, 1, 2, 3]),
        ({"target": EVIL}, [0, 3]),
        ({"source": "cat"}, [0, 1]),
        ({"least": "0.7"}, [1, 2, 3]),
        ({"least": "0.7", "most": "0.7"}, [1, 3]),
        ({"marks": "none"}, [0, 3]),
        ({"marks": "blank"}, [1]),
        ({"marks": "off_target"}, [2]),
        ({"group": "hardest"}, [0, 1]),
        ({"order": "margin"}, [2, 1, 0, 3]),
        ({"order": "ratio", "target": "b" * 60}, [1, 2]),
        ({"source": "cat", "marks": "off_target"}, []),
    ]
    result, errors = _tried(path, [choices for choices, _ in expected])
    assert result["seen"] == [rows for _, rows in expected]
    assert result["list"] == ""  # the button is disabled while nothing is decided
    assert result["sizes"]
    assert result["title"] == "bank: report of a bank"
    assert result["wide"] <= 0
    assert all(name.startswith("data:") for name in result["loaded"])
    assert errors == []


def test_a_review_is_downloaded_and_applied(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank", class_names=["cat", EVIL, "bird"])
    labels = [one.label for one in Bank.open(folder)]
    judge(folder, "oracle", [None, -1, 0, 1, 2, *labels[5:]])
    judge(folder, "few", labels)
    reject(folder, [4, 6])
    path = write_report(folder)
    kinds = ["unknown", "none", "target", "another", "another"]
    sources = [one.source_label for one in Bank.open(folder, keep=None)]
    kinds[2:5] = [
        {labels[k]: "target", sources[k]: "source"}.get(k - 2, "another") for k in (2, 3, 4)
    ]
    kinds += ["target"] * 7
    expected: list[tuple[dict[str, str], list[int]]] = [
        ({"verdict": f"oracle:{kind}"}, [k for k in range(12) if kinds[k] == kind])
        for kind in sorted(set(kinds))
    ]
    expected += [
        ({"verdict": "few:target"}, list(range(12))),
        ({"marks": "rejected"}, [4, 6]),
        ({"review": "reject"}, [1, 3]),
        ({"review": "accept"}, [4]),
        ({"review": "open", "verdict": "oracle:target"}, [
            k for k in range(12) if kinds[k] == "target" and k not in (1, 3, 4)
        ]),
        ({"group": "disputed"}, [k for k in (1, 2, 3, 4) if kinds[k] != "target"]),
    ]  # fmt: skip
    clicks = [(1, "reject"), (3, "reject"), (4, "accept"), (7, "reject"), (7, "reject")]
    result, errors = _tried(path, [choices for choices, _ in expected], clicks)
    assert errors == []
    assert result["seen"] == [rows for _, rows in expected]
    assert (result["decided"], result["pressed"]) == ("2 rejected, 1 accepted", 3)
    assert result["title"] == "bank: report of a bank"

    given = tmp_path / "rejected.json"
    given.write_text(str(result["list"]))
    main([str(folder), "--reject", str(given)])
    assert [row.seed for row in Bank.open(folder, keep="rejected")] == [1, 3, 6]


def _tried(
    path: Path, choices: list[dict[str, str]], clicks: Sequence[tuple[int, str]] = ()
) -> tuple[dict[str, object], list[str]]:
    """Let a script set the controls of a page in turn, after some clicks; see `_run`."""
    script = SCRIPT.replace("CHOICES", json.dumps(choices)).replace("CLICKS", json.dumps(clicks))
    # The page escapes `<` in its values; what a test sets them to is a script's text.
    script = script.replace(json.dumps(EVIL), json.dumps(EVIL).replace("<", "\\u003c"))
    path.write_text(path.read_text().replace("</body>", script))
    return _run(path, path.parent.parent)


def _run(path: Path, folder: Path) -> tuple[dict[str, object], list[str]]:
    """Open a page on a phone; return what its script noted, and what the console says."""
    assert CHROMIUM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += ["--window-size=500,900", f"--user-data-dir={folder / 'profile'}"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", path.as_uri()]
    done = subprocess.run(
        [CHROMIUM, *flags], capture_output=True, text=True, check=True, timeout=300
    )
    match = re.search(r'<pre id="result">([A-Za-z0-9+/=]+)</pre>', done.stdout)
    assert match is not None, done.stdout[-2000:]
    errors = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return json.loads(b64decode(match[1])), errors
