"""Where the label of a sample is: by the path that was given, or where samples usually have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image
from torch.utils._pytree import TreeSpec, tree_unflatten
from torchvision import tv_tensors

from genie_transforms._errors import UnsupportedSampleError

from .labels import is_label

Path = tuple[Any, ...]


class _Place(int):
    """The place of a leaf; no plain int, which a `defaultdict` could make for a missing key."""


def label_path(sample: Any, label_at: Any, class_names: Sequence[str]) -> Path | None:
    """Return the path of the label; None if the sample has none."""
    if isinstance(label_at, str) and label_at == "default":
        return _default_path(sample, class_names)
    return label_at if isinstance(label_at, tuple) or label_at is None else (label_at,)


def value_at(sample: Any, path: Path) -> Any:
    """Follow a path; None if it leads nowhere, which `place_of` reports."""
    node = sample
    for step in path:
        # A `defaultdict` would make a value for a missing key, and keep it.
        if isinstance(node, Mapping) and step not in node:
            return None
        try:
            node = node[step]
        except (LookupError, TypeError):
            return None
    return node


def _default_path(sample: Any, class_names: Sequence[str]) -> Path | None:
    """Find the label where samples usually have it; None if there is none."""
    if isinstance(sample, Mapping):
        return default_label_key(sample)
    if not isinstance(sample, tuple | list) or len(sample) < 2:
        return None
    second = sample[1]
    if isinstance(second, Mapping):
        key = default_label_key(second)
        return None if key is None else (1, *key)
    if is_label(second):
        return (1,)
    if isinstance(second, float | np.floating):
        raise UnsupportedSampleError(
            f"{second!r} beside an image is not a class label: it would be untrue of a negative"
        )
    # Anything else is the label, and refused if it is none that is known: an unknown kind that
    # passed would stay beside an image that it is not true of.
    return None if _is_no_label(second, class_names) else (1,)


def _is_no_label(value: Any, class_names: Sequence[str]) -> bool:
    """Tell whether a value beside an image cannot be meant as its label."""
    if isinstance(value, str):
        return value not in class_names
    if isinstance(value, list | tuple):  # captions
        return bool(value) and all(
            isinstance(item, str) and item not in class_names for item in value
        )
    return value is None or isinstance(value, bytes | PurePath | Image.Image | tv_tensors.TVTensor)


def default_label_key(sample: Mapping[Any, Any]) -> Path | None:
    """Find the key of the label in a dictionary, as torchvision's transforms do.

    Raises:
        UnsupportedSampleError: Several keys could be it.
    """
    # From the surest to the least sure; `target` last, where detection datasets keep boxes.
    names = {key: key.lower() for key in sample if isinstance(key, str)}
    for candidates in (
        [key for key, name in names.items() if name in ("label", "labels")],
        [key for key, name in names.items() if "label" in name],
        [key for key, name in names.items() if name in ("target", "targets")],
    ):
        if len(candidates) > 1:
            raise UnsupportedSampleError(
                f"any of the keys {candidates} may be the label: pass label_at= to say which"
            )
        if candidates:
            return (candidates[0],)
    return None


def place_of(leaves: list[Any], spec: TreeSpec, path: Path) -> int:
    """Return the place of the label among the leaves.

    The path is followed in a copy of the sample whose leaves are their own places. So PyTorch
    alone says what a container is, and in which order its leaves come: a mapping that it does not
    know, such as a `transformers.BatchEncoding`, is one leaf, and nothing in it can be replaced.

    Raises:
        UnsupportedSampleError: The path leads nowhere, or to a container.
    """
    node = tree_unflatten(list(map(_Place, range(len(leaves)))), spec)
    for step in path:
        if isinstance(node, _Place) and isinstance(leaves[node], Mapping):
            raise UnsupportedSampleError(
                f"the sample has no label at {path}: {type(leaves[node]).__name__} is not a "
                f"container that PyTorch knows; turn it into a dict"
            )
        try:
            node = node[step]
        except (LookupError, TypeError) as error:
            raise UnsupportedSampleError(f"the sample has no label at {path}") from error
    if not isinstance(node, _Place):
        raise UnsupportedSampleError(
            f"the sample has no label at {path}, but a value of type {type(node).__name__}"
        )
    return int(node)
