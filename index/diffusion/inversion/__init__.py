"""Textual inversion: new words of a model's text encoders, learned from images.

`invert` learns tokens and writes one file each; `load_tokens` teaches them to a model, so that its
prompts may use `token_of` a class's name.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .config import Inversion

if TYPE_CHECKING:
    from .concepts import Concept, invert
    from .tokens import find_tokens, load_tokens, token_of
else:
    __getattr__ = lazy_members(
        __name__,
        {"concepts": ["Concept", "invert"], "tokens": ["find_tokens", "load_tokens", "token_of"]},
    )

__all__ = [
    "Concept",
    "Inversion",
    "find_tokens",
    "invert",
    "load_tokens",
    "token_of",
]
