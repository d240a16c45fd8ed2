"""The demo's scenes as a source."""

from __future__ import annotations

import numpy as np

from index.demo import NOVEL_CLASSES, Scenes

from .source import Ids, Source

DEMO_SEED = 2**16  # apart from the seeds of the scenes that the demo's models were trained on
DEMO_PER_CLASS = 7


def open_demo() -> Source:
    """Draw the demo's scenes; labels count the sorted names, as those of `ImageFolder` do."""
    # What is drawn depends on the order of the classes, so they are drawn in this one.
    scenes = Scenes(num_per_class=DEMO_PER_CLASS, classes=NOVEL_CLASSES, seed=DEMO_SEED)
    scenes.number_by_name()
    labels = np.array(scenes.targets, dtype=np.int64)
    return Source(scenes, scenes.classes, labels, Ids(len(scenes)), "demo")
