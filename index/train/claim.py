"""Whose folder it is: checkpoints of one training are not another's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from genie_transforms import FolderInUseError
from genie_transforms.format import write_json

from .config import StageConfig
from .training_set import TrainingSet

_SETTINGS = "training.json"

_BEFORE = {"vae_factor": 4}
"""What held of every training before there was a setting for it."""


def claim_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make `folder` the folder of what has these settings, or check that it already is.

    Args:
        folder: Of checkpoints; made if it is not there.
        settings: What decides the result, ready for JSON.

    Raises:
        FolderInUseError: It holds something with other settings, which it names; or checkpoints
            without any.
    """
    path, wanted = folder / _SETTINGS, json.loads(json.dumps(settings))
    if path.exists():
        found = _BEFORE | json.loads(path.read_text())
        other = {k: found.get(k) for k in wanted if found.get(k) != wanted[k]}
        unsaid = [key for key in other if key not in found]
        if unsaid:
            raise FolderInUseError(
                f"{folder} does not say its {' and '.join(unsaid)}, as one that an earlier version "
                "began: remove it, or give another folder"
            )
        if other:
            raise FolderInUseError(
                f"{folder} was begun with {other}: remove it, or give another folder"
            )
        return
    stray = next(folder.glob("*.pt"), None)
    if stray:
        raise FolderInUseError(
            f"{stray} is of a training that nobody knows, for there is no {_SETTINGS} beside it: "
            "remove the folder, or give another"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)


def about_training(config: StageConfig, data: TrainingSet, shift: float) -> dict[str, Any]:
    """Return what decides the weights of a pipeline and its oracle, ready for JSON.

    Args:
        config: Steps and seed.
        data: Only its digest is kept.
        shift: Of the noise schedule.
    """
    deciding = [field for field in fields(StageConfig) if field.metadata.get("recipe", True)]
    settings = {field.name: getattr(config, field.name) for field in deciding}
    words = [list(data.class_names), list(data.captions), list(data.words)]
    digest = hashlib.sha256(data.pixels.numpy().tobytes())
    digest.update(data.labels.numpy().tobytes())
    digest.update(json.dumps(words).encode())
    return {
        **{name: value for name, value in settings.items() if not isinstance(value, Path)},
        "shift": shift,
        "images": len(data.pixels),
        "data": digest.hexdigest()[:16],
    }
