"""."""

from .invert import Concept, invert
from .tokens import load_tokens, token_of
from .training import Inversion

__all__ = [
    "Concept",
    "Inversion",
    "invert",
    "load_tokens",
    "token_of",
]
