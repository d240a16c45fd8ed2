"""What people see of a finished bank: the summary of a build and the contact sheet `preview.png`.

It reads what the bank's folder holds and changes none of it.
"""

from .contact_sheet import write_preview
from .strips import save_strip, strip_path, strips
from .summary import summarize

__all__ = [
    "save_strip",
    "strip_path",
    "strips",
    "summarize",
    "write_preview",
]
