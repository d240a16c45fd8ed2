"""What every result states: the machine, the versions, the demo's weights, the command."""

from __future__ import annotations

import platform
import shlex
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

from index.demo import weights_digest

_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "pyarrow",
    "pillow",
    "diffusers",
    "transformers",
    "faiss-cpu",
    "scikit-learn",
    "timm",
    "kornia",
)


def environment() -> dict[str, Any]:
    """Describe machine, versions, the demo's weights and command, for a benchmark's result."""
    return {
        "machine": _machine(),
        "versions": _versions(),
        "demo_weights": weights_digest(),
        "command": _command(),
    }


def _machine() -> dict[str, Any]:
    """Describe the processor, its cores that we may use, the memory and the accelerator."""
    process = psutil.Process()
    # macOS cannot restrict a process to some of the cores, so psutil has no such method there.
    usable = process.cpu_affinity() if hasattr(process, "cpu_affinity") else None
    machine = {
        "cpu": _cpu_name(),
        "cores": len(usable) if usable else psutil.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        # Times taken beside other work mean little: whoever reads them should know.
        "load_average": psutil.getloadavg()[0],
    }
    if torch.cuda.is_available():
        machine["gpu"] = torch.cuda.get_device_name()
    return machine


def _cpu_name() -> str:
    """Read the processor's name, which `platform.processor` often leaves empty on Linux."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def _command() -> str:
    """Return the command as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    # A package that is run has the name of its `__main__.py`.
    program = [sys.argv[0]] if spec is None else ["-m", spec.name.removesuffix(".__main__")]
    return shlex.join(["python", *program, *sys.argv[1:]])
