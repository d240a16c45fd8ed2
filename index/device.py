"""Where networks run."""

from __future__ import annotations

AUTO = "auto"


def choose_device(device: str) -> str:
    """Return the device itself, or for "auto" the first that is there of cuda, mps and cpu."""
    if device != AUTO:
        return device
    import torch  # settings name a device without it

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
