"""Networks by name: small ones for small images, torchvision's and timm's."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torchvision
from timm.models import ByobNet, VisionTransformer
from torch import Tensor, nn

from genie_transforms import UserError
from index.embed import load_body, read_checkpoint
from index.train import SMALL_RESNETS, SmallImageResNet

from .config import TrainingConfig
from .cosine import CosineClassifier, read_classes


def make_network(config: TrainingConfig, num_classes: int) -> nn.Module:
    """Return a network with a head of `num_classes`, its weights drawn from torch's generator.

    Args:
        config: `model`, `model_settings`, `weights` and `head`. A head of another number of
            classes is left out of the weights; everything else must fit.
        num_classes: C.

    Raises:
        UserError: There is no such network, or a file is of another one.
        MissingFileError: There is no such file.
    """
    if config.head in ("", "small"):
        network = _new(config, num_classes)
        if config.weights:
            load_weights(network, Path(config.weights))
        if config.head:
            _make_small(network)
        return network
    classes = read_classes(Path(config.head), num_classes)
    body = _new(config, classes.shape[1])
    if config.weights:
        # The last layer is the projection to embeddings, and no head.
        load_weights(body, Path(config.weights), heads=())
    return CosineClassifier(body, classes)


def _new(config: TrainingConfig, num_classes: int) -> nn.Module:
    kind, _, name = config.model.partition(":")
    more = read_settings(config.model_settings)
    try:
        if config.model in SMALL_RESNETS:
            return SmallImageResNet(*SMALL_RESNETS[config.model], num_classes, **more)
        if config.model == "linear":
            return nn.Linear(out_features=num_classes, **more)
        if kind == "torchvision" and name in torchvision.models.list_models():
            found: nn.Module = torchvision.models.get_model(
                name, weights=None, num_classes=num_classes, **more
            )
            return found
        if kind == "timm" and timm.is_model(name):
            network: nn.Module = timm.create_model(
                name, pretrained=False, num_classes=num_classes, **more
            )
            return network
    except TypeError as error:
        raise UserError(f"{config.model} cannot take {config.model_settings}: {error}") from error
    raise UserError(
        f"unknown model {config.model!r}; choose {', '.join(SMALL_RESNETS)}, linear, "
        "torchvision:NAME or timm:NAME"
    )


def read_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return what `--model-settings` say, by name.

    Raises:
        UserError: One is not name=value.
    """
    return dict(_setting(text) for text in texts)


def _setting(text: str) -> tuple[str, Any]:
    """Read `name=value`, a Python literal or a word."""
    name, found, value = text.partition("=")
    if not found:
        raise UserError(f"--model-settings are name=value, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def load_weights(network: nn.Module, path: Path, heads: Sequence[str] | None = None) -> None:
    """Load a checkpoint into a network; its head keeps its own weights if the file has no other.

    Of the encoders that MAE trains, the decoder and, for a network that normalises after pooling
    (`global_pool=avg`), the last norm are left out, as in MAE's own fine-tuning. timm converts
    what it knows: OpenAI's CLIP, positions of another image size.

    Args:
        network: Changed in place.
        path: The checkpoint (see `index.embed.read_checkpoint`).
        heads: Names of the modules of its head; its own if not given.

    Raises:
        UserError: The file is of another network; names the keys.
        MissingFileError: There is no such file.
    """
    state = {key: value for key, value in read_checkpoint(path)[0].items() if not _decodes(key)}
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if isinstance(network, ByobNet | VisionTransformer) and convert:
        state = convert(state, network)
    own = network.state_dict()
    fresh = [name for name in _heads(network) if not _fits(name, own, state)]
    if heads is not None:
        fresh = [*heads]
    if "fc_norm.weight" in own and not any(k.endswith("fc_norm.weight") for k in state):
        fresh += ["fc_norm", "norm"]
    load_body(network, state, str(path), fresh)


def _fits(head: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> bool:
    """Tell whether a checkpoint, as it is or wrapped, has a head of the network's own shapes."""
    found = {key: value.shape for key, value in own.items() if key.startswith(f"{head}.")}
    given = [(f".{name}", value.shape) for name, value in state.items()]
    return all(
        any(name.endswith(f".{key}") and has == shape for name, has in given)
        for key, shape in found.items()
    )


def _decodes(key: str) -> bool:
    """Tell whether weights are of MAE's decoder."""
    return any(part.startswith(("decoder_", "mask_token")) for part in key.split("."))


def _heads(network: nn.Module) -> list[str]:
    """Return the names of the modules that map features to classes."""
    if hasattr(network, "pretrained_cfg"):
        about: Any = network.pretrained_cfg
        named = about["classifier"]
        return [named] if isinstance(named, str) else list(named)
    return [name for name in ("fc", "classifier", "head", "heads") if hasattr(network, name)]


def _make_small(network: nn.Module) -> None:
    for head in _heads(network):
        module = network.get_submodule(head)
        if not isinstance(module, nn.Linear):
            raise UserError(f"--head small needs a linear head, not {type(module).__name__}")
        nn.init.trunc_normal_(module.weight, std=2e-5)
        nn.init.zeros_(module.bias)
