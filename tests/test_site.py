"""The reference names everything public. That each page is found and each link leads somewhere is
what `make docs` refuses to build without.
"""

from __future__ import annotations

import re
from pathlib import Path

import genie_transforms
import index

ROOT = Path(__file__).parents[1]


def found(pattern: str, path: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE))


def test_every_public_name_is_in_the_reference() -> None:
    named = found(r"^\.\. auto\w+:: (\w+)", "docs/api.md")
    assert {*genie_transforms.__all__, *index.__all__} <= named


def test_every_command_is_in_the_reference() -> None:
    shown = found(r"^python -m (index\.\w+) ", "docs/commands.md")
    assert shown == found(r"^    genie-\w+ = (index\.\w+):main$", "setup.cfg")
