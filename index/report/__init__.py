"""."""

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
