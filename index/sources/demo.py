"""The demo's scenes as a source."""

from __future__ import annotations

import numpy as np

from index.demo import NOVEL_CLASSES, Scenes

from .source import Ids, Source

DEMO_SEED = 2**16  # apart from the seeds of the scenes that the demo's models were trained on
DEMO_PER_CLASS = 7


def open_demo() -> Source:
    """Draw the demo's scenes; labels count the sorted names, as those of `ImageFolder` do."""
    # What is drawn depends on this order of the classes, so only their numbers are sorted.
    scenes = Scenes(num_per_class=DEMO_PER_CLASS, classes=NOVEL_CLASSES, seed=DEMO_SEED)
    names = sorted(scenes.classes)
    numbers = np.array([names.index(name) for name in scenes.classes])
    return Source(scenes, names, numbers[scenes.targets], Ids(len(scenes)), "demo")
