"""Datasets given from Python."""

from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from genie_transforms import UserError
from index.sources.dataset import source_of


class Images(list[tuple[Any, int]]):
    """Images with labels, as torchvision has them."""

    def __init__(self, labels: list[int], classes: Any) -> None:
        super().__init__((Image.new("L", (6, 4)), label) for label in labels)
        self.targets, self.classes = labels, classes


def test_any_dataset_with_classes_and_targets_is_a_source() -> None:
    source = source_of(Images([1, 0, 1], ["owl", "fox"]))
    assert (list(source.ids), source.kind) == (["0", "1", "2"], "dataset")
    assert source.class_names == ["owl", "fox"]
    assert source.labels.tolist() == [1, 0, 1]
    assert source.image(0).mode == "L"


def test_labels_are_found_where_torchvision_has_them() -> None:
    dataset = Images([1, 0, 1], ["owl", "fox"])
    dataset._labels = torch.tensor(dataset.targets)  # type: ignore[attr-defined]
    del dataset.targets
    assert source_of(dataset).labels.tolist() == [1, 0, 1]


def test_wrapped_datasets_are_looked_through() -> None:
    dataset = Images([1, 0, 1, 0], ["owl", "fox"])
    assert source_of(Subset(dataset, [3, 2])).labels.tolist() == [0, 1]
    joined = ConcatDataset([Subset(dataset, [0]), dataset])
    assert source_of(joined).labels.tolist() == [1, 1, 0, 1, 0]
    other: Any = ConcatDataset([dataset, Images([0, 1], ["fox", "owl"])])
    with pytest.raises(UserError, match="joins datasets of other classes"):
        source_of(other)


def test_synonyms_are_one_name_and_homonyms_two() -> None:
    classes = [("crane",), ("tench", "Tinca tinca"), ("crane",)]
    names = source_of(Images([0, 1, 2], classes)).class_names
    assert names == ["crane (0)", "tench, Tinca tinca", "crane (2)"]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ([], "a list as source has no `classes`"),
        (Images([0, 0], ["owl"]), "a Images as source has one class"),
        (Images(["owl", "fox"], ["owl", "fox"]), "must be integers, got .*owl"),  # type: ignore[list-item]
    ],
)
def test_datasets_that_are_no_sources(dataset: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        source_of(dataset)


def test_a_dataset_without_labels() -> None:
    dataset = Images([0, 1], ["owl", "fox"])
    del dataset.targets
    with pytest.raises(UserError, match="has no `targets`"):
        source_of(dataset)
