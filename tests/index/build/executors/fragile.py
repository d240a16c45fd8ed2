"""A backbone that ends its process at some calls, if a file says so."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genie_transforms.format import temporary_path
from index.embed import Backbone


class Fragile(Backbone):
    """Means of four parts of the image.

    The file `deaths` holds two numbers: after so many calls, so many processes end. While there is
    a file `hold`, all wait. The process that `GENIE_OWNER` names does neither. Whoever ends leaves
    what a write of the file that `written` names had begun.
    """

    name, dimension = "fragile", 12

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fingerprint(self) -> dict[str, Any]:
        return {"name": "fragile"}

    def features(self, images: Tensor) -> Tensor:
        if os.environ.get("GENIE_OWNER") != str(os.getpid()):
            self._suffer()
        return torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)

    def _suffer(self) -> None:
        while (self.folder / "hold").exists():
            time.sleep(0.01)
        deaths = self.folder / "deaths"
        calls, left = map(int, deaths.read_text().split()) if deaths.exists() else (0, 0)
        if calls:
            deaths.write_text(f"{calls - 1} {left}")
        elif left:
            deaths.write_text(f"0 {left - 1}")
            if (written := self.folder / "written").exists():
                temporary_path(Path(written.read_text())).touch()
            os._exit(9)


def fragile() -> Fragile:
    """Open the backbone, as `--backbone python:…` does."""
    return Fragile(Path(os.environ["GENIE_FRAGILE"]))
