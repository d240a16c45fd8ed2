"""."""

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
