"""Which classifiers can judge: each opened with the preprocessing that it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genie_transforms import MissingFileError, UserError
from index.demo import CLASSES, ORACLE, load_oracle
from index.embed import Network, find_own, own_network, source_sha256

from .judge import Judge, judge_of
from .pretrained import Opened, open_timm, open_torchvision, open_transformers
from .saved import open_saved

CLASSIFIER_HELP = (
    "torchvision:NAME[:WEIGHTS or CHECKPOINT], timm:NAME[:CHECKPOINT], transformers:FOLDER or ID, "
    "clip:FOLDER or ID, folder:FOLDER, demo, or your own as python:MODULE:FUNCTION"
)

CLASSIFIERS: dict[str, Callable[[str], Opened]] = {
    "torchvision": open_torchvision,
    "timm": open_timm,
    "transformers": open_transformers,
    "folder": open_saved,
}


def open_judge(
    spec: str,
    class_names: Sequence[str],
    prompts: Sequence[str] = (),
    *,
    device: str = "cpu",
    batch_size: int = 64,
) -> Judge:
    """Open a classifier as a judge.

    Args:
        spec: See `CLASSIFIER_HELP`.
        class_names: Names of the bank's classes, which are those of `clip`.
        prompts: For `clip`: the text of each of these classes.
        device: Where it runs.
        batch_size: Images of one pass.

    Raises:
        UserError: The specification names no classifier, or its weights do not fit.
        MissingFileError: There are no such weights.
        MissingPackageError: It needs a package that is not installed.
    """
    kind, _, name = spec.partition(":")
    if spec == "demo":
        return demo_judge(device=device, batch_size=batch_size)
    if kind == "clip" and name:
        from .zero_shot import open_zero_shot

        opened: Opened = open_zero_shot(name, prompts), [(one,) for one in class_names]
    elif kind in CLASSIFIERS and name:
        opened = CLASSIFIERS[kind](name)
    elif kind == "python" and name:
        return _own(spec, device, batch_size)
    else:
        raise UserError(f"unknown classifier {spec!r}: give {CLASSIFIER_HELP}")
    return judge_of(without_folders(spec), *opened, device, batch_size)


def demo_judge(
    path: Path = ORACLE,
    classes: Sequence[str] = CLASSES,
    *,
    size: int = 64,
    device: str = "cpu",
    batch_size: int = 64,
) -> Judge:
    """Open the demo's oracle, or another one that `index.train` has trained.

    Args:
        path: Its weights.
        classes: Its classes.
        size: Height and width that it was trained at.
        device: Where it runs.
        batch_size: Images of one pass.

    Raises:
        MissingFileError: There are no such weights.
        UserError: It has another number of classes.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no oracle at {path}")
    network = Network(load_oracle(path), partial(_to_size, size), f"{size} x {size}, [0, 1]")
    return judge_of("demo", network, [(name,) for name in classes], device, batch_size)


def without_folders(spec: str) -> str:
    """Return a specification without the folders of this machine: of a path, its last part.

    What a judge says of itself goes along with a bank that is published.
    """
    parts = spec.split(":")
    return ":".join(_last(part) if _is_local(part) else part for part in parts)


def _is_local(part: str) -> bool:
    return "/" in part and (Path(part).is_absolute() or part[0] in "~." or Path(part).exists())


def _last(part: str) -> str:
    return Path(part).resolve().name


def _own(spec: str, device: str, batch_size: int) -> Judge:
    """Open what a user's function returns: a `Judge`, or what maps images to logits, and names."""
    make = find_own(spec, "classifier", "give python:MODULE:FUNCTION")
    made = make()
    if isinstance(made, Judge):
        return made
    if not (isinstance(made, tuple) and len(made) == 2 and callable(made[0])):
        raise UserError(
            f"{spec!r} must return an index.judge.Judge, or a torch module or function from images "
            f"to logits and the names of its classes; got {type(made).__name__}"
        )
    classify, classes = made
    names = [(name,) if isinstance(name, str) else tuple(name) for name in classes]
    if isinstance(classify, nn.Module):
        return judge_of(spec, own_network(make, classify), names, device, batch_size)
    about = {"classifier": spec, "source_sha256": source_sha256(classify)}
    return Judge(spec, names, lambda images: torch.as_tensor(classify(images)), about, batch_size)


def _to_size(size: int, images: Tensor) -> Tensor:
    pixels = images.float() / 255
    if pixels.shape[-2:] == (size, size):
        return pixels
    return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
