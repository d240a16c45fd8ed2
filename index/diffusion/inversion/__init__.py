"""Textual inversion: new words of a model's text encoders, learned from images.

`invert` learns tokens and writes one file each; `load_tokens` teaches them to a model, so that its
prompts may use `token_of` a class's name.
"""

from .invert import Concept, invert
from .tokens import find_tokens, load_tokens, token_of
from .training import Inversion

__all__ = [
    "Concept",
    "Inversion",
    "find_tokens",
    "invert",
    "load_tokens",
    "token_of",
]
