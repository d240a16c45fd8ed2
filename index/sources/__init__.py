"""."""

from .captioner import write_captions
from .captions import read_captions
from .class_names import ClassName, class_names_for, folder_to_words, read_class_names
from .images import as_rgb, fit_to
from .source import Source, open_source
from .templates import check_prompts, check_template, make_prompts

__all__ = [
    "ClassName",
    "Source",
    "as_rgb",
    "check_prompts",
    "check_template",
    "class_names_for",
    "fit_to",
    "folder_to_words",
    "make_prompts",
    "open_source",
    "read_captions",
    "read_class_names",
    "write_captions",
]
