"""Is what a command needs installed, and under which name does this program run?"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from genie_transforms import MissingPackageError

_PACKAGES = {
    "index": (
        *("accelerate", "diffusers", "faiss", "huggingface_hub", "inflect", "jinja2", "matplotlib"),
        *("safetensors", "tqdm", "transformers", "tyro", "yaml"),
    ),
    "evaluate": ("sklearn",),
    "bench": ("kornia", "psutil", "scipy", "sklearn", "tensorboard", "timm", "torchmetrics"),
}
"""Modules by the extra that installs them."""


def require_packages(extra: str = "index") -> None:
    """Return if every package of an extra is installed; none is imported.

    A command that is being started ends instead, with one line and exit status 2.

    Raises:
        MissingPackageError: Some are missing; names them, and says what to install.
    """
    missing = [name for name in _PACKAGES[extra] if find_spec(name) is None]
    if not missing:
        return
    # Benchmarks are in no wheel: whoever has them has a checkout.
    name = "." if extra == "bench" else "genie-transforms"
    message = f"{', '.join(missing)} not installed: pip install '{name}[{extra}]'"
    # While Python looks for the module of `python -m`, that stands in its place.
    if sys.argv[0] == "-m" or script_name():
        print(f"error: {message}", file=sys.stderr)
        sys.exit(2)
    raise MissingPackageError(message)


def script_name() -> str | None:
    """Return the name of the installed script that runs, such as genie-build, or None."""
    name = Path(sys.argv[0]).stem
    return name if name.startswith("genie-") else None
