"""The conductor, `python -m index.build`: open, prepare, describe, run, finish."""

from .builder import build, main
from .finish import preview_pairs, stored_images
from .prepare import embed_sources, resolve

__all__ = ["build", "embed_sources", "main", "preview_pairs", "resolve", "stored_images"]
