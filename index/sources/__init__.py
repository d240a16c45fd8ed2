"""What the user gives: images, names of their classes, prompt templates and captions.

`open_source` opens what `--source` names: one file for each kind, and `open.py` lists them. What
cannot be used is refused in words that say what to change. Knows no diffusion model; the
captioner's BLIP is the only network here.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .captions import read_captions
from .class_names import (
    ClassName,
    ambiguous_names,
    class_names_for,
    folder_to_words,
    is_wordnet_id,
    read_class_names,
)
from .class_prompts import class_prompts, read_prompts
from .config import TemplateConfig
from .tables import read_csv
from .templates import check_template, make_prompts

if TYPE_CHECKING:
    from .captioner import write_captions
    from .dataset import source_of
    from .image_folder import as_text, open_images
    from .images import as_rgb, fit_to
    from .open import open_source
    from .reading import BadImageError
    from .source import LabelledImages, Source, check_classes
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "captioner": ["write_captions"],
            "image_folder": ["as_text", "open_images"],
            "images": ["as_rgb", "fit_to"],
            "dataset": ["source_of"],
            "open": ["open_source"],
            "reading": ["BadImageError"],
            "source": ["LabelledImages", "Source", "check_classes"],
        },
    )

__all__ = [
    "BadImageError",
    "ClassName",
    "LabelledImages",
    "Source",
    "TemplateConfig",
    "ambiguous_names",
    "as_rgb",
    "as_text",
    "check_classes",
    "check_template",
    "class_names_for",
    "class_prompts",
    "fit_to",
    "folder_to_words",
    "is_wordnet_id",
    "make_prompts",
    "open_images",
    "open_source",
    "read_captions",
    "read_class_names",
    "read_csv",
    "read_prompts",
    "source_of",
    "write_captions",
]
