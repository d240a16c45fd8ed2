"""The blocks of code in a document."""

from __future__ import annotations

import re


def python_blocks(text: str) -> dict[str, str]:
    """Give the blocks of Python, named by the heading above them; a second one gets its number."""
    blocks: dict[str, str] = {}
    heading = ""
    for match in re.finditer(r"^## (.*?)$|```python\n(.*?)```", text, re.DOTALL | re.MULTILINE):
        if match[1] is None:
            blocks[heading if heading not in blocks else f"{heading} {len(blocks)}"] = match[2]
        else:
            heading = match[1]
    return blocks
