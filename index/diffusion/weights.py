"""Where a model's weights are, and what identifies them."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from genie_transforms import MissingFileError, MissingPackageError, UserError
from genie_transforms.format import sha256_of

_HASHED = {".safetensors", ".bin", ".json", ".txt", ".model"}


class ModelError(UserError):
    """A diffusion model cannot be opened or used."""


def read_index(model: str, revision: str | None) -> dict[str, Any]:
    """Read `model_index.json` of a local folder or a hub model.

    Raises:
        ModelError: There is none.
    """
    folder = Path(model).expanduser()
    if folder.is_dir() or model.startswith((".", "/", "~")) or model.count("/") != 1:
        return _read_local(folder)
    try:
        return dict(DiffusionPipeline.load_config(model, revision=revision))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{model} is neither a local folder nor a model that the hub has: {error}"
        ) from error


def _read_local(folder: Path) -> dict[str, Any]:
    path = folder / "model_index.json"
    if not folder.is_dir():
        raise ModelError(f"no model at {folder}: the folder does not exist")
    if not path.is_file():
        raise ModelError(
            f"no model at {folder}: it has no model_index.json, so it is not a diffusers pipeline"
        )
    index: dict[str, Any] = json.loads(path.read_text())
    return index


def locate(model: str, revision: str | None, variant: str | None) -> tuple[str, dict[str, Any]]:
    """Find a model's folder, downloading it if needed, and what identifies its weights.

    Returns:
        The folder, and either the hashes of its files or the hub's commit.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder), {"files": hash_files(folder)}
    snapshot = DiffusionPipeline.download(model, revision=revision, variant=variant)
    # The folder is named by the commit; a branch such as "main" moves, and identifies no weights.
    return str(snapshot), {"revision": Path(snapshot).name, "variant": variant}


def hash_files(folder: Path) -> dict[str, str]:
    """Compute the sha256 of every weight, vocabulary and configuration file below a folder."""
    # A component may be a link to another folder, which rglob would pass over.
    found = (Path(at, name) for at, _, names in os.walk(folder, followlinks=True) for name in names)
    paths = (path for path in sorted(found) if path.suffix in _HASHED)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def check_lora(lora: str) -> None:
    """Refuse LoRA weights that cannot be fused, as far as that is known before a model is read.

    Raises:
        MissingFileError: There is no such file or folder, and it is no hub id.
        MissingPackageError: peft is missing.
    """
    if find_spec("peft") is None:
        raise MissingPackageError(f"--lora {lora} needs peft: pip install peft")
    path = Path(lora).expanduser()
    if not path.exists() and (lora.startswith((".", "/", "~")) or lora.count("/") != 1):
        raise MissingFileError(f"--lora {lora}: no such file or folder, and no hub id")


def fuse_lora(pipeline: Any, lora: str) -> dict[str, Any]:
    """Fuse LoRA weights into a pipeline, in place, and return what identifies them.

    Raises:
        ModelError: They are no LoRA weights, or of another model.
    """
    try:
        pipeline.load_lora_weights(lora)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"--lora {lora} cannot be loaded: {reason}") from error
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    path = Path(lora).expanduser()
    if path.is_file():
        return {"lora": sha256_of(path)}
    return {"lora": hash_files(path) if path.is_dir() else lora}
