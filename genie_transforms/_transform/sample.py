"""Where the image is in a sample, any nesting of tuples, lists and dicts, and its other leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten
from torchvision import tv_tensors

from genie_transforms._errors import UnsupportedSampleError
from genie_transforms._rgb import check_depth
from genie_transforms.format import size_of

from .label_place import label_path, place_of, value_at

# They say where things are in the image, or belong to a clip: untrue beside another image.
_REFUSED: tuple[type, ...] = (tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.Video)
if hasattr(tv_tensors, "KeyPoints"):  # since torchvision 0.23
    _REFUSED += (tv_tensors.KeyPoints,)
# They are images and nothing else; a plain tensor may be anything, and counts only without them.
_EXPLICIT = (Image.Image, tv_tensors.Image)

_CHANNELS = (1, 3, 4)


@dataclass
class Sample:
    """A flattened sample, with the places of its image and its label.

    Attributes:
        original: The sample as it was given.
        leaves: All leaves.
        spec: The nesting.
        image_at: Place of the image in `leaves`.
        label_at: Place of the label; None if the sample has none.
    """

    original: Any
    leaves: list[Any]
    spec: TreeSpec
    image_at: int
    label_at: int | None

    @property
    def image(self) -> Any:
        """The image leaf."""
        return self.leaves[self.image_at]

    @property
    def label(self) -> Any:
        """The label leaf; None if there is none."""
        return None if self.label_at is None else self.leaves[self.label_at]

    def rebuild(self, image: Any, label: Any) -> Any:
        """Return the sample with another image and label; all other leaves are the same objects."""
        leaves = list(self.leaves)  # so that the sample can be rebuilt more than once
        leaves[self.image_at] = image
        if self.label_at is not None:
            leaves[self.label_at] = label
        return tree_unflatten(leaves, self.spec)


def read_sample(sample: Any, label_at: Any, class_names: Sequence[str]) -> Sample:
    """Find image and label in a sample.

    The image is the one PIL image or `tv_tensors.Image`; without any, the first plain tensor with
    the channels of an image that is not the label (nor behind it the only one with three), or the
    only one of two to four dimensions.
    Another tensor may only stay beside it if it has another height or width. By default the label
    is the second item of a tuple or list, or the entry of a dictionary whose key is or contains
    "label" or is "target". It is never searched for by identity: small integers are all the same
    object.

    Args:
        sample: The sample or batch.
        label_at: "default", or the path of the label: a key, an index, or a tuple of these; None
            if there is no label.
        class_names: Strings that may be labels.

    Raises:
        UnsupportedSampleError: There is no image or more than one, or a PIL image of more than 8
            bits, no unambiguous label, or something that belongs to the image and could not be
            replaced with it.
    """
    path = label_path(sample, label_at, class_names)
    label = None if path is None else value_at(sample, path)
    if isinstance(label, list | tuple):  # the labels of a batch: one leaf, and not many
        leaves, spec = tree_flatten(sample, is_leaf=lambda node: node is label)
    else:
        leaves, spec = tree_flatten(sample)
    refused = next((leaf for leaf in leaves if isinstance(leaf, _REFUSED)), None)
    if refused is not None:
        raise UnsupportedSampleError(
            f"a sample with {type(refused).__name__} cannot be replaced: a hard negative has none"
        )
    place = None if path is None else place_of(leaves, spec, path)
    found = Sample(sample, leaves, spec, _image_place(leaves, place), place)
    if isinstance(found.image, Image.Image):
        check_depth(found.image)  # whatever is drawn, so that the mistake shows at once
    return found


def _image_place(leaves: list[Any], label_place: int | None) -> int:
    """Find the one image among the leaves."""
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, _EXPLICIT)]
    if len(places) > 1:
        raise UnsupportedSampleError(
            f"a sample with {len(places)} images cannot be replaced: give the transform the one "
            f"image and its label"
        )
    if not places:
        places = _tensor_places(leaves, label_place)
    if not places:
        kinds = sorted({type(leaf).__name__ for leaf in leaves})
        raise UnsupportedSampleError(
            f"the sample has no image (PIL image, tensor or tv_tensors.Image), only {kinds}"
        )
    _check_alone(leaves, places[0], label_place)
    return places[0]


def _tensor_places(leaves: list[Any], label_place: int | None) -> list[int]:
    """Find plain tensors that may be the image, the surest first: those with its channels.

    Raises:
        UnsupportedSampleError: None has them, and several may be it, or an array beside them; or
            the first has other channels than the only one with three.
    """
    others = [place for place in range(len(leaves)) if place != label_place]
    places = [p for p in others if isinstance(leaves[p], torch.Tensor) and 2 <= leaves[p].ndim <= 4]
    alike = [p for p in places if leaves[p].ndim > 2 and leaves[p].shape[-3] in _CHANNELS]
    arrays = [p for p in others if isinstance(leaves[p], np.ndarray) and leaves[p].ndim >= 2]
    colour = [place for place in alike if leaves[place].shape[-3] == 3]
    if (not alike and places and len(places + arrays) > 1) or (
        len(colour) == 1 and colour[0] != alike[0]  # the first may be a mask, or embeddings
    ):
        shapes = ", ".join(str(tuple(leaves[place].shape)) for place in places + arrays)
        raise UnsupportedSampleError(
            f"which of the tensors and arrays of shapes {shapes} is the image cannot be known: "
            "give the transform the one image and its label, or make it a tv_tensors.Image"
        )
    return alike or places


def _check_alone(leaves: list[Any], image_place: int, label_place: int | None) -> None:
    """Refuse another view of the image, or what says something of each of its pixels.

    Which of several tensors is the image cannot be known, and those that stay would be untrue.
    """
    for place, leaf in enumerate(leaves):
        if place in (image_place, label_place) or not isinstance(leaf, torch.Tensor | np.ndarray):
            continue
        if leaf.ndim >= 2 and tuple(leaf.shape[-2:]) == size_of(leaves[image_place]):
            raise UnsupportedSampleError(
                f"a sample with a tensor of shape {tuple(leaf.shape)} beside its image of the same "
                f"height and width cannot be replaced: give the transform the one image and its "
                f"label"
            )
