"""Settings from a file, as the flags that would give the same: `--config FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from genie_transforms import MissingFileError, UserError


def flags_of_file(path: Path, settings: type[Any]) -> list[str]:
    """Read a file of settings as flags, to be put before those that override them.

    Args:
        path: YAML or JSON, a mapping from fields to values. One with a mapping named `recipe`, such
            as a bank's `genie.json`, gives that.
        settings: The dataclass whose fields may be set.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is no mapping, or sets what is no field; names those.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingFileError(f"--config {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path} is not YAML: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("recipe"), dict):
        content = content["recipe"]
    if not isinstance(content, dict):
        raise UserError(f"--config {path} must map settings to values, as in `max_pairs: 100`")
    names = {str(key).replace("-", "_"): value for key, value in content.items()}
    known = {one.name: one.default for one in fields(settings)}
    unknown = sorted(names.keys() - known.keys())
    if unknown:
        raise UserError(f"--config {path}: no settings are called {unknown}; see --help")
    return [
        flag
        for name, value in names.items()
        for flag in _flags(name, value, isinstance(known[name], bool), path)
    ]


def _flags(name: str, value: Any, is_switch: bool, path: Path) -> Sequence[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is None:
        return []  # what a setting is if not given
    if isinstance(value, bool) != is_switch or isinstance(value, dict):
        # YAML reads a bare `on` as true.
        raise UserError(
            f"--config {path}: {name} cannot be {value!r}; "
            f"{'give true or false' if is_switch else 'quote words such as on and off'}"
        )
    if is_switch:
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    return [f"{flag}={value}"]
