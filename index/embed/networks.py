"""Which networks can embed images: each opened with the preprocessing it was trained with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as VF

from genie_transforms import MissingFileError, MissingPackageError, UserError
from index.demo import ENCODER, load_encoder
from index.loading import is_shown, quiet_loading

from .checkpoints import load_body, load_exactly, read_checkpoint, read_state

UNISIAM: dict[str, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    "resnet10": (BasicBlock, [1, 1, 1, 1]),
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
}

_THAT_TRANSFORM = ("googlenet", "inception_v3")
"""They scale images once more themselves, with `transform_input`."""


class Network(NamedTuple):
    """A network without its head, and what goes in.

    Attributes:
        module: Maps preprocessed images to features ``(N, D)``.
        preprocess: Maps images ``(N, 3, H, W)`` uint8 to the module's input.
        preprocessing: The same in words, for the fingerprint.
        code: Hash of the files of a user's own code; "" of networks that a name and weights tell.
    """

    module: nn.Module
    preprocess: Callable[[Tensor], Tensor]
    preprocessing: str
    code: str = ""


def open_demo(_: str = "") -> Network:
    """Open the demo's encoder.

    Raises:
        MissingFileError: It has not been trained.
    """
    if not ENCODER.exists():
        raise MissingFileError(f"{ENCODER} is missing: run `python -m index.demo.train`")
    return Network(load_encoder(), _to_demo, "64 x 64, [0, 1]")


def _to_demo(images: Tensor) -> Tensor:
    pixels = images.float() / 255
    if pixels.shape[-2:] == (64, 64):
        return pixels
    return F.interpolate(pixels, (64, 64), mode="bilinear", antialias=True).clamp(0, 1)


def open_torchvision(spec: str) -> Network:
    """Open a torchvision classifier without its head: NAME, NAME:WEIGHTS or NAME:CHECKPOINT.

    Images are transformed as the weights' own `transforms()` do; for a checkpoint, as those of
    the default weights, with `transform_input` where the model has it. A checkpoint's head may be
    of any number of classes (see `load_body`).

    Raises:
        UserError: torchvision has no such model, or the checkpoint does not fit it.
        MissingFileError: There is no such checkpoint, or weights cannot be downloaded.
    """
    model, weights = torchvision_model(spec, head=False)
    return Network(without_head(model), weights.transforms(), about_transforms(spec, weights))


def torchvision_model(spec: str, *, head: bool) -> tuple[nn.Module, Any]:
    """Return a torchvision classifier, and the weights whose `transforms()` it takes.

    Args:
        spec: NAME, NAME:WEIGHTS or NAME:CHECKPOINT.
        head: Whether a checkpoint has the head of the model's own classes; if not, it may have any,
            and the model keeps a random one.

    Raises:
        UserError, MissingFileError: As `open_torchvision`.
    """
    name, _, wanted = spec.partition(":")
    if name not in models.list_models(module=models):
        raise UserError(f"torchvision has no classifier {name!r}; see torchvision.models")
    enum = models.get_model_weights(name)
    if not wanted or wanted in enum.__members__:
        weights = enum[wanted or "DEFAULT"]
        try:
            model = models.get_model(name, weights=weights, progress=is_shown())
        except OSError as error:
            raise MissingFileError(
                f"cannot download {weights} ({error}); give a file: torchvision:{name}:CHECKPOINT"
            ) from error
    else:
        weights = enum["DEFAULT"]
        extra = {"init_weights": False, "transform_input": True} if name in _THAT_TRANSFORM else {}
        model = models.get_model(name, weights=None, **extra)
        load_body(model, read_state(Path(wanted)), wanted, [] if head else [_head_of(model)])
    return model, weights


def about_transforms(spec: str, weights: Any) -> str:
    """Describe how a torchvision classifier sees images, for fingerprints.

    A checkpoint of GoogLeNet or Inception v3 is taken to be trained as torchvision's own weights
    are, with `transform_input`, which once was not so: other embeddings than then.
    """
    name, _, wanted = spec.partition(":")
    is_checkpoint = wanted not in ("", *type(weights).__members__)
    transforms_input = is_checkpoint and name in _THAT_TRANSFORM
    return repr(weights.transforms()) + (", transform_input" if transforms_input else "")


def without_head(model: nn.Module) -> nn.Module:
    """Return a torchvision classifier that ends with its pooled features ``(N, D)``.

    Raises:
        UserError: The model has no head of a known name.
    """
    if isinstance(model, (models.VGG, models.AlexNet)):  # their classifiers see a flattened map
        return nn.Sequential(model.features, _Pool())
    setattr(model, _head_of(model), nn.Identity())
    if isinstance(model, models.SqueezeNet):  # flattens what its classifier has pooled
        return nn.Sequential(model.features, _Pool())
    return nn.Sequential(model, _Pool())


def _head_of(model: nn.Module) -> str:
    for name in ("fc", "classifier", "head", "heads"):
        if hasattr(model, name):
            return name
    raise UserError(f"{type(model).__name__} has no fc, classifier, head or heads to leave out")


class _Pool(nn.Module):
    """The average over the image, if it has not been taken."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3)) if features.ndim == 4 else features


def open_unisiam(spec: str) -> Network:
    """Open the encoder of a UniSiam checkpoint: ARCHITECTURE:CHECKPOINT.

    The checkpoint is `{"model": state_dict, …}` or a state dict, with keys `encoder.*` or
    `encoder.module.*` and torchvision's names; heads (`proj`, `pred`, `pred_dist`) are dropped.
    Preprocessing is the authors': Resize 256, CenterCrop 224, ImageNet's statistics; or, if the
    checkpoint names the `resolution` that it was trained at, Resize and CenterCrop to that.

    Raises:
        UserError: The architecture is unknown, the resolution is not a number of pixels, or keys
            are missing or too many; names them.
        MissingFileError: There is no such checkpoint.
    """
    name, _, path = spec.partition(":")
    if name not in UNISIAM or not path:
        raise UserError(f"give unisiam:{'|'.join(UNISIAM)}:CHECKPOINT, got unisiam:{spec}")
    state, beside = read_checkpoint(Path(path))
    resolution = beside.get("resolution")
    if resolution is not None and (type(resolution) is not int or resolution < 1):
        raise UserError(
            f"{path}: resolution must be a whole number of pixels, 1 or more, got {resolution!r}"
        )
    encoder = {
        key.removeprefix("encoder.").removeprefix("module."): value
        for key, value in ((k.removeprefix("module."), v) for k, v in state.items())
        if key.startswith("encoder.") and not key.startswith(("encoder.fc.", "encoder.module.fc."))
    }
    if not encoder:
        raise UserError(
            f"{path} is not a UniSiam checkpoint: its keys must start with encoder. or "
            f"encoder.module., but are {', '.join(list(state)[:3])}, …"
        )
    model = unisiam_encoder(name)
    load_exactly(model, encoder, path)
    steps = unisiam_preprocess(resolution)
    return Network(model, steps, repr(steps))


def unisiam_encoder(name: str) -> ResNet:
    """Return one of `UNISIAM` with random weights, ending with its pooled features ``(N, D)``."""
    block, layers = UNISIAM[name]
    model = ResNet(block, layers)
    model.fc = nn.Identity()
    return model


def unisiam_preprocess(resolution: int | None = None) -> v2.Compose:
    """Return the preprocessing of a UniSiam encoder.

    Args:
        resolution: Height and width that it was trained at; None for the authors' 224, cropped
            from 256.
    """
    resize, crop = (256, 224) if resolution is None else (resolution, resolution)
    return v2.Compose([v2.Resize(resize, antialias=True), v2.CenterCrop(crop), *_imagenet()])


def _imagenet() -> list[nn.Module]:
    statistics = v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return [v2.ToDtype(torch.float32, scale=True), statistics]


def open_timm(spec: str) -> Network:
    """Open a timm model without its head: NAME or NAME:CHECKPOINT, with its own transforms.

    Raises:
        UserError: timm has no such model, or the checkpoint does not fit it.
        MissingFileError: There is no such checkpoint, or weights cannot be downloaded.
        MissingPackageError: timm is not installed.
    """
    return timm_network(spec, head=False)


@quiet_loading()
def timm_network(spec: str, *, head: bool) -> Network:
    """Open a timm model with its head, whose own classes a checkpoint must then have, or without.

    Raises:
        UserError, MissingFileError, MissingPackageError: As `open_timm`.
    """
    try:
        import timm
    except ImportError as error:
        raise MissingPackageError("timm is not installed: pip install timm") from error
    name, _, path = spec.partition(":")
    try:
        model = timm.create_model(name, pretrained=not path, **({} if head else {"num_classes": 0}))
    except OSError as error:
        raise MissingFileError(
            f"cannot download {name} ({error}); give a file: timm:{name}:CHECKPOINT"
        ) from error
    except RuntimeError as error:
        raise UserError(f"timm:{name}: {error}") from error
    if path:
        named = model.pretrained_cfg.get("classifier") or ()
        heads = [named] if isinstance(named, str) else list(named)
        load_body(model, read_state(Path(path)), path, [] if head else heads)
    settings = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**settings, is_training=False)

    def preprocess(images: Tensor) -> Tensor:
        return torch.stack([transform(VF.to_pil_image(image)) for image in images.cpu()])

    return Network(model, preprocess, repr(sorted(settings.items())))
