"""What every result states: the machine, the versions, the command."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

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
    """Describe machine, versions and command, to be written into a benchmark's result."""
    return {"machine": _machine(), "versions": _versions(), "command": _command()}


def _machine() -> dict[str, Any]:
    """Name the processor, its cores that we may use, the memory and the accelerator."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine = {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "memory_gib": round(pages / 2**30, 1),
        "system": platform.platform(),
        # Times taken beside other work mean little: whoever reads them should know.
        "load_average": os.getloadavg()[0],
    }
    if torch.cuda.is_available():
        machine["gpu"] = torch.cuda.get_device_name()
    return machine


def _cpu_name() -> str:
    """Read the processor's name, which `platform.processor` often leaves empty."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that are installed."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _command() -> str:
    """Give the command as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["-m", spec.name] if spec is not None else [sys.argv[0]]
    return shlex.join(["python", *program, *sys.argv[1:]])
