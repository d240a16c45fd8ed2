"""Where networks run."""

from __future__ import annotations

from genie_transforms import UserError

AUTO = "auto"


def choose_device(device: str) -> str:
    """Return the device itself, or for "auto" the first that is there of cuda, mps and cpu.

    Raises:
        UserError: torch knows no such device, or it is not there.
    """
    import torch  # settings name a device without it

    if device != AUTO:
        try:
            torch.zeros(1, device=device).item()  # is it there, and does it compute?
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"device {device!r} cannot be used: {reason}; give cpu, cuda, cuda:1, … or auto"
            ) from error
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def nth_device(device: str, number: int) -> str:
    """Return where the networks of one of several processes on a machine run.

    Args:
        device: For all of them; of several GPUs each process takes one, in turn.
        number: Of the process, from 0.

    Raises:
        UserError: As `choose_device`.
    """
    chosen = choose_device(device)
    if chosen != "cuda":
        return chosen
    import torch

    count = torch.cuda.device_count()
    return f"cuda:{number % count}" if count > 1 else chosen
