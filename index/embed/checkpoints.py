"""Weights from files: read without running code, loaded without a key missing."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from genie_transforms import MissingFileError, UserError

WRAPPERS = ("module.", "model.", "encoder.", "backbone.", "_orig_mod.")
"""What names of weights begin with that were saved inside something: DataParallel, a module of
Lightning's, a self-supervised method, a compiled model."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict; see `read_checkpoint`."""
    return read_checkpoint(path)[0]


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a state dict, as it is or under "model" or "state_dict", and what stands beside it.

    Args:
        path: A .safetensors file, or one of `torch.save`.

    Returns:
        The weights, and the file's own entries that are neither tensors nor tables of them.

    Raises:
        MissingFileError: There is no such file.
        UserError: The file holds no tensors, or more than tensors and plain values.
    """
    if not path.is_file():
        raise MissingFileError(f"no checkpoint at {path}")
    if path.suffix == ".safetensors":
        try:
            return load_file(path), {}
        except SafetensorError as error:
            raise UserError(f"{path} is no safetensors file, or damaged: {error}") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors, and is not opened, for that could run code; save "
            f'its weights alone: torch.save({{"model": state_dict}}, …) '
            f"({shorten(str(error), 200, placeholder='…')})"
        ) from error
    except (RuntimeError, EOFError) as error:
        raise UserError(
            f"{path} is no checkpoint, or damaged: {shorten(str(error), 200, placeholder='…')}"
        ) from error
    beside = {}
    if isinstance(content, Mapping):
        beside = {str(k): v for k, v in content.items() if not isinstance(v, Tensor | Mapping)}
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise UserError(f"{path} holds a {type(content).__name__}, not a state dict")
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise UserError(f"{path} holds no tensors; its keys are {list(content)[:5]}")
    return state, beside


def load_body(
    model: nn.Module, state: Mapping[str, Tensor], origin: str, head: Sequence[str]
) -> None:
    """Load the weights of a classifier but those of its head, which keeps its own.

    Names may begin with `WRAPPERS`, and the head may be of any number of classes, or missing.

    Args:
        model: Changed in place.
        state: The weights.
        origin: The file, for errors.
        head: Names of the head's modules.

    Raises:
        UserError: Keys of the body are missing or too many, or shapes differ; names them.
    """
    heads, own = tuple(f"{name}." for name in head), model.state_dict()
    body = {key for key in own if not key.startswith(heads)}
    given = {
        key: value
        for key, value in _unwrapped(state, body).items()
        if key in body or not key.startswith(heads)
    }
    load_exactly(model, given | {key: own[key] for key in own.keys() - body}, origin)


def _unwrapped(state: Mapping[str, Tensor], wanted: Set[str]) -> Mapping[str, Tensor]:
    """Take wrappers' prefixes off for as long as more names are then wanted ones."""
    found = len(wanted & state.keys())
    for prefix in WRAPPERS:
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        nested = _unwrapped(inner, wanted) if inner else inner
        if len(wanted & nested.keys()) > found:
            return nested
    return state


def load_exactly(model: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Load a state dict whose keys and shapes are exactly the model's.

    Args:
        model: Changed in place.
        state: The weights.
        origin: The file, for errors.

    Raises:
        UserError: Keys are missing or too many, or shapes differ; names them.
    """
    versioned = OrderedDict(state)
    # Of the model itself only: MNASNet refuses a state without a version, while in one without
    # the versions of BatchNorm, torch fills in counters that old files lack.
    versioned._metadata = {"": model.state_dict()._metadata[""]}  # type: ignore[attr-defined]
    try:
        model.load_state_dict(versioned, strict=True)
    except RuntimeError as error:
        # A title, then a line for all missing keys, one for all unexpected ones, and one for each
        # other shape: of another model there are hundreds.
        problems = [shorten(line, 200, placeholder="…") for line in str(error).splitlines()[1:5]]
        raise UserError(
            f"{origin} does not fit {type(model).__name__}: {' '.join(problems)}"
        ) from error
