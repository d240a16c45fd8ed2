"""Classifiers that others have trained: of torchvision, timm and transformers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoModelForImageClassification

from genie_transforms import MissingFileError, UserError
from index.embed import Network, about_transforms, timm_network, torchvision_model
from index.loading import quiet_loading

Names = list[tuple[str, ...]]
"""Of each class, all that it is called."""

Opened = tuple[Network, Names]


def open_torchvision(spec: str) -> Opened:
    """Open NAME, NAME:WEIGHTS or NAME:CHECKPOINT; a checkpoint is of the default weights' classes.

    Raises:
        UserError: torchvision has no such model, or the checkpoint does not fit it.
        MissingFileError: There is no such checkpoint, or weights cannot be downloaded.
    """
    model, weights = torchvision_model(spec, head=True)
    network = Network(model, weights.transforms(), about_transforms(spec, weights))
    return network, [_names(text) for text in weights.meta["categories"]]


def open_timm(spec: str) -> Opened:
    """Open NAME or NAME:CHECKPOINT, a model of ImageNet's classes, or of some of them.

    Raises:
        UserError: timm has no such model, it does not name its classes, or the checkpoint does not
            fit it.
        MissingFileError: There is no such checkpoint, or weights cannot be downloaded.
        MissingPackageError: timm is not installed.
    """
    network = timm_network(spec, head=True)
    from timm.data import ImageNetInfo, infer_imagenet_subset  # an extra package

    subset = infer_imagenet_subset(network.module)
    if not subset:
        raise UserError(f"timm:{spec} does not say what its classes are called: use folder:FOLDER")
    info = ImageNetInfo(subset)
    return network, [
        (*_names(info.index_to_description(number)), info.index_to_label_name(number))
        for number in range(info.num_classes())
    ]


@quiet_loading()
def open_transformers(spec: str) -> Opened:
    """Open an image classifier of `transformers`, a folder or hub id, with its image processor.

    Raises:
        UserError: It has no trained head, or lacks other weights; names them.
        MissingFileError: There is no such model, or it has no image processor.
    """
    try:
        model, info = AutoModelForImageClassification.from_pretrained(
            spec, output_loading_info=True
        )
        processor = AutoImageProcessor.from_pretrained(spec)
    except (OSError, ValueError) as error:  # ValueError: a model of another kind
        raise MissingFileError(
            f"cannot open transformers:{spec} as a classifier: {error}"
        ) from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise UserError(f"transformers:{spec} lacks {len(missing)} weights: {missing[:5]}")

    def preprocess(images: Tensor) -> Tensor:
        pixels: Tensor = processor(images=list(images), return_tensors="pt")["pixel_values"]
        return pixels

    labels = model.config.id2label
    classes = [_names(str(labels[number])) for number in range(len(labels))]
    return Network(_Logits(model), preprocess, processor.to_json_string()), classes


class _Logits(nn.Module):
    """A classifier of `transformers` that returns its logits alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C)``."""
        logits: Tensor = self.model(pixel_values=pixels).logits
        return logits


def _names(text: str) -> tuple[str, ...]:
    """Return a label as a whole and its parts: ImageNet's are lists, "tench, Tinca tinca"."""
    parts: Sequence[str] = [part.strip() for part in text.split(",")]
    return tuple(dict.fromkeys([text, *(part for part in parts if part)]))
