"""A user's own Python, given as python:MODULE:FUNCTION: found by name, known by its files."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from genie_transforms import UserError

from .networks import Network

_LIBRARIES = {"torch", "torchvision", "timm", "transformers", "index"}
"""Packages whose networks are known by their names and weights, as where a backbone names them."""


def find_own(spec: str, kind: str, known: str) -> Callable[[], Any]:
    """Return a user's function, given as MODULE:FUNCTION, with or without "python:".

    What goes wrong when it is called is the user's code, and keeps its traceback.

    Args:
        spec: The function.
        kind: What it makes, such as backbone; for the error.
        known: What else could be given; for the error.

    Raises:
        UserError: There is no such function.
    """
    module, _, function = spec.removeprefix("python:").rpartition(":")
    try:
        found: Callable[[], Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{kind} {spec!r}: {error}; {known}") from error
    return found


def own_network(make: Callable[[], Any], module: nn.Module) -> Network:
    """Return a torch module that a user's function made as a network without preprocessing.

    Its code is that of the function and of all classes of the module, as far as they are the
    user's: with the same weights, other code makes other embeddings.
    """
    classes = {one for part in module.modules() for one in type(part).__mro__}
    files = sorted({source_sha256(one) for one in (make, *classes) if _is_own(one)})
    code = hashlib.sha256("".join(files).encode()).hexdigest() if files else ""
    return Network(module, lambda images: images, "none", code)


def source_sha256(thing: Any) -> str:
    """Return the SHA-256 of the file that a function or class is in, as far as there is one."""
    try:
        source = Path(inspect.getsourcefile(thing) or "").read_bytes()
    except (TypeError, OSError):  # built in C, or typed into an interpreter
        source = b""
    return hashlib.sha256(source).hexdigest()


def _is_own(thing: Any) -> bool:
    package = str(getattr(thing, "__module__", "")).partition(".")[0]
    return package not in _LIBRARIES and package not in sys.stdlib_module_names
