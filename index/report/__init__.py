"""What people see of a finished bank: `report.html`, `preview.png` and the text after a build.

`python -m index.report BANK` writes the report again. It reads what the bank's folder holds, and
changes nothing of it but these files.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .command import main

if TYPE_CHECKING:
    from .contact_sheet import write_preview
    from .page import write_report
    from .strips import save_strip, shown_strips, strip_path
    from .summary import summarize
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "contact_sheet": ["write_preview"],
            "page": ["write_report"],
            "strips": ["save_strip", "shown_strips", "strip_path"],
            "summary": ["summarize"],
        },
    )

__all__ = [
    "main",
    "save_strip",
    "shown_strips",
    "strip_path",
    "summarize",
    "write_preview",
    "write_report",
]
