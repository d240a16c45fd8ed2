"""`torchvision:CLASS:ROOT`: the datasets of torchvision."""

from __future__ import annotations

import difflib
from typing import Any

from torchvision import datasets
from torchvision.datasets.folder import default_loader

from genie_transforms import MissingFileError, UserError

from .dataset import from_dataset
from .reading import read_image
from .source import Source


def open_torchvision(spec: str, what: str) -> Source:
    """Open a dataset of torchvision with its own class order.

    Args:
        spec: `CLASS:ROOT`, and keywords such as `:split=extra`, `:train=False` or `:download=True`.
        what: What messages call the source.

    Raises:
        MissingFileError: Its files are not there; nothing is downloaded unasked.
        UserError: There is no such class, it takes no such keyword, or it has no names or labels.
    """
    name, *parts = spec.split(":")
    if name not in datasets.__all__:
        near = difflib.get_close_matches(name, datasets.__all__, n=3, cutoff=0.4)
        raise UserError(f"{what}: torchvision.datasets has no {name!r}; near are {near}")
    if not parts or not parts[0]:
        raise UserError(f"{what}: say where its files are, as in torchvision:{name}:data")
    keywords = dict(_keyword(part, what) for part in parts[1:])
    try:
        dataset = getattr(datasets, name)(parts[0], **keywords)
    except (RuntimeError, FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(
            f"{what}: {error} Nothing is downloaded unasked: add :download=True, if this dataset "
            "can be"
        ) from error
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(f"{what}: {error}") from error
    if getattr(dataset, "loader", None) is default_loader:
        dataset.loader = read_image  # the same pixels, of named formats only
    source = from_dataset(dataset, what)
    return Source(dataset, source.class_names, source.labels, source.ids, f"torchvision {name}")


def _keyword(text: str, what: str) -> tuple[str, Any]:
    """Read `key=value`; what is no number or truth value is text."""
    key, equals, value = text.partition("=")
    if not key.isidentifier() or not equals:
        raise UserError(f"{what}: expected a keyword such as split=test, got {text!r}")
    if value.lower() in ("true", "false"):
        return key, value.lower() == "true"
    return key, int(value) if value.isdecimal() else value
