"""What every source has, and what no bank can be built from."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from genie_transforms import UserError
from index.sources.source import Ids, Source, check_source


def _source(
    labels: list[int], names: list[str], image: Any = None, first: int | None = None
) -> Source:
    image = image or Image.new("L", (6, 4))
    given = (image,) if first is None else (image, first)
    dataset = [given] * len(labels)
    return Source(dataset, names, np.array(labels, np.int64), Ids(len(labels)), "test")


def test_ids_are_made_when_they_are_asked_for() -> None:
    ids = Ids(4, lambda row: f"{row}.png")
    assert (len(ids), ids[1], ids[-1], ids[1:3]) == (4, "1.png", "3.png", ["1.png", "2.png"])
    assert list(ids) == ["0.png", "1.png", "2.png", "3.png"]
    assert "2.png" in ids
    with pytest.raises(IndexError):
        ids[4]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_source([0, 0], ["owl"]), r"it has one class, \['owl'\]; at least 2 are needed"),
        (_source([0, 1], ["owl", "owl"]), "it calls several classes 'owl'"),
        (_source([0, 2], ["owl", "fox"]), r"must lie in \[0, 2\).*found 0 and 2"),
        (_source([0, -1], ["owl", "fox"]), "found -1 and 0"),
        (_source([0, 0], ["owl", "fox"]), r"it has no image of 1 of its 2 classes.*\['fox'\]"),
        (_source([0, 1], ["owl", "fox"], 3), "it must return PIL images, got int"),
        (_source([0, 1], ["owl", "fox"], first=1), "label 1 with an image whose target is 0"),
    ],
)
def test_sources_of_no_bank(source: Source, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_source(source, "it")


def test_labels_that_change_only_some_classes_are_seen() -> None:
    targets, returned = [0, 1, 2], [0, 2, 1]
    dataset = [(Image.new("L", (6, 4)), label) for label in returned]
    source = Source(dataset, ["owl", "fox", "cat"], np.array(targets), Ids(3), "dataset")
    with pytest.raises(UserError, match="the label 2 with an image whose target is 1"):
        check_source(source, "it")
