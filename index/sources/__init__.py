"""What the user gives: images, names of their classes, prompt templates and captions.

Reads them from folders and files, and refuses what cannot be used in words that say what to
change. Knows no diffusion model; the captioner's BLIP is the only network here.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .captions import read_captions
from .class_names import (
    ClassName,
    ambiguous_names,
    class_names_for,
    folder_to_words,
    read_class_names,
)
from .tables import read_csv
from .templates import check_prompts, check_template, make_prompts

if TYPE_CHECKING:
    from .captioner import write_captions
    from .images import as_rgb, fit_to
    from .source import LabelledImages, Source, open_source, source_of
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "captioner": ["write_captions"],
            "images": ["as_rgb", "fit_to"],
            "source": ["LabelledImages", "Source", "open_source", "source_of"],
        },
    )

__all__ = [
    "ClassName",
    "LabelledImages",
    "Source",
    "ambiguous_names",
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
    "read_csv",
    "source_of",
    "write_captions",
]
