"""The report in a real browser: no errors, no requests, and filters that show the right rows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from index.report.page import write_report
from tests.banks import row, write_bank

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
const sizes = [...document.images].every((image) => image.complete && image.naturalWidth > 0);
const result = {
  seen: CHOICES.map(rows), sizes, title: document.title,
  wide: document.documentElement.scrollWidth - window.innerWidth,
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 20)),
};
const sink = document.createElement("pre");
sink.id = "result";
sink.textContent = btoa(JSON.stringify(result));
document.body.append(sink);
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
    script = SCRIPT.replace("CHOICES", json.dumps([choices for choices, _ in expected]))
    # The page escapes `<` in its values; what a test sets them to is a script's text.
    script = script.replace(json.dumps(EVIL), json.dumps(EVIL).replace("<", "\\u003c"))
    path.write_text(path.read_text().replace("</body>", script))
    result, errors = _run(path, tmp_path)
    assert result["seen"] == [rows for _, rows in expected]
    assert result["sizes"]
    assert result["title"] == "bank: report of a bank"
    assert result["wide"] <= 0
    assert all(name.startswith("data:") for name in result["loaded"])
    assert errors == []


def _run(path: Path, folder: Path) -> tuple[dict[str, object], list[str]]:
    """Open a page on a phone; return what its script noted, and what the console says."""
    assert CHROMIUM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += ["--window-size=500,900", f"--user-data-dir={folder / 'profile'}"]
    flags += ["--enable-logging=stderr", "--dump-dom", path.as_uri()]
    done = subprocess.run(
        [CHROMIUM, *flags], capture_output=True, text=True, check=True, timeout=300
    )
    match = re.search(r'<pre id="result">([A-Za-z0-9+/=]+)</pre>', done.stdout)
    assert match is not None, done.stdout[-2000:]
    errors = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return json.loads(b64decode(match[1])), errors
