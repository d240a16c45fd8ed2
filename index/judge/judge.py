"""A classifier as a judge: images to the probabilities of its own classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from genie_transforms import UserError
from index.embed import ModuleBackbone, Network

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Judge:
    """A classifier.

    Attributes:
        spec: What it was opened with, without folders of this machine.
        classes: Of each of its C classes the names that it goes by, at least one.
        logits: Maps images ``(N, 3, H, W)`` uint8 to logits ``(N, C)``.
        about: What decides its verdicts, ready for JSON: hashes of weights, preprocessing.
        batch_size: Images of one pass.
    """

    spec: str
    classes: Sequence[Sequence[str]]
    logits: Callable[[Tensor], Tensor]
    about: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 64

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Floats:
        """Return the probability of each of its classes, ``(N, C)``.

        Args:
            images: ``(N, 3, H, W)`` uint8.

        Raises:
            UserError: It does not return a finite number for each image and class.
        """
        parts = [self.logits(part).float().cpu() for part in torch.split(images, self.batch_size)]
        logits = torch.cat(parts) if len(images) else torch.zeros(0, len(self.classes))
        if logits.shape != (len(images), len(self.classes)):
            raise UserError(
                f"judge {self.spec} returned {tuple(logits.shape)} for {len(images)} images and "
                f"{len(self.classes)} classes"
            )
        if not bool(logits.isfinite().all()):
            raise UserError(f"judge {self.spec} returned a number that is not finite")
        probabilities: Floats = F.softmax(logits, 1).numpy()
        return probabilities

    def differs_in(self, asked: Mapping[str, Any]) -> list[str]:
        """Return what tells this judge from one that was asked about a bank; nothing if it is that.

        Args:
            asked: `about` of that one's judgement.
        """
        # Which of its classes are the bank's belongs to the question, not to the judge.
        return sorted(
            key
            for key in {*asked, *self.about} - {"classes"}
            if asked.get(key) != self.about.get(key)
        )


def judge_of(
    spec: str, network: Network, classes: Sequence[Sequence[str]], device: str, batch_size: int
) -> Judge:
    """Return a network that ends with its head as a judge.

    Raises:
        UserError: The network has another number of classes.
    """
    module = ModuleBackbone(spec, network, device)
    if module.dimension != len(classes):
        raise UserError(
            f"judge {spec} tells {module.dimension} classes apart, and has {len(classes)} names: "
            f"give it the names of its own classes"
        )
    about = {"classifier": spec, **module.fingerprint(), "name": spec}
    return Judge(spec, classes, module.features, about, batch_size)
