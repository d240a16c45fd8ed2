"""Datasets whose classes have another order than the bank's, or are not the same ones."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Features, Value
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform, UserError, WithTransforms
from tests.banks import CLASSES, all_pairs, row_of, source_image, write_bank

OTHER_ORDER = ["bird", "cat", "dog"]
EXTRA = ["bird", "fish", "cat", "dog"]
FEWER = ["bird", "cat"]


class Photos(Dataset[Any]):
    """Images whose labels are positions in `classes`; image i is of the bank's class i mod 3."""

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes
        self.targets = [
            classes.index(CLASSES[i % 3]) for i in range(6) if CLASSES[i % 3] in classes
        ]
        self.sources = [i for i in range(6) if CLASSES[i % 3] in classes]

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return source_image(self.sources[index]), self.targets[index]


class Columns:
    """A dataset that says its classes as Hugging Face does."""

    def __init__(self, **features: Any) -> None:
        self.features = Features(features)

    def __len__(self) -> int:
        return 0


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path))


def quiet(bank: Bank, **options: Any) -> GeNIeTransform:
    """A transform whose warnings are not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GeNIeTransform(bank, **{"p": 1.0, **options})


def target_of(bank: Bank, image: Any) -> str:
    """The name of the class that a negative was made for."""
    if isinstance(image, torch.Tensor):
        image = image.permute(1, 2, 0).numpy()
    return CLASSES[bank[row_of(np.asarray(image))].label]


@pytest.mark.parametrize("classes", [OTHER_ORDER, EXTRA, FEWER])
@pytest.mark.parametrize("replace", ["target", "source"])
@pytest.mark.parametrize("label", ["hard", "soft"])
@pytest.mark.parametrize("form", ["single", "batch"])
def test_labels_are_matched_by_name(
    bank: Bank, classes: list[str], replace: Any, label: Any, form: str
) -> None:
    transform = quiet(bank, classes=classes, replace=replace, label=label)
    photos = Photos(classes)
    samples = [photos[index] for index in range(len(photos))]
    if form == "single":
        results = [transform(sample) for sample in samples]
    else:
        batch = default_collate([(functional.pil_to_tensor(i), y) for i, y in samples])
        results = list(zip(*transform(*batch), strict=True))
    for image, truth in results:
        name = target_of(bank, image)
        row = bank[
            row_of(np.asarray(image) if form == "single" else image.permute(1, 2, 0).numpy())
        ]
        assert name in classes
        if label == "hard":
            assert classes[int(truth)] == name
            continue
        expected = torch.zeros(len(classes))
        expected[classes.index(CLASSES[row.source_label])] += 0.4
        expected[classes.index(name)] += 0.6
        assert torch.allclose(truth, expected)
    assert transform.counters.replaced == len(samples)


def test_a_class_that_the_bank_lacks_stays(bank: Bank) -> None:
    transform = quiet(bank, classes=EXTRA)
    image = source_image(50)
    assert transform((image, 1)) == (image, 1)
    batch = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    result, labels = transform(batch, torch.tensor([1, 1]))
    assert torch.equal(result, batch)
    assert labels.tolist() == [1, 1]
    assert transform.counters.missing == 3
    assert transform.draw(1) is None


def test_draw_strings_p_and_counts_follow_the_dataset(bank: Bank) -> None:
    transform = quiet(bank, classes=OTHER_ORDER)
    for label, name in enumerate(OTHER_ORDER):
        drawn = transform.draw(label)
        assert drawn is not None
        assert (target_of(bank, drawn[0]), drawn[1]) == (name, label)
        image, same = transform((source_image(60), name))
        assert target_of(bank, image) == same == name
    transform = quiet(bank, classes=OTHER_ORDER, p=[1.0, 0.0, 0.0])
    assert [transform.draw(label) is None for label in range(3)] == [False, True, True]
    transform = quiet(bank, classes=OTHER_ORDER, p={"bird": 1.0})
    assert [transform.draw(label) is None for label in range(3)] == [False, True, True]
    transform = quiet(bank, classes=EXTRA, p="balanced", class_counts=[9, 99, 99, 99], max_p=1)
    assert transform._chooser.table == pytest.approx([1, 0.1, 0.1, 0.1])
    with pytest.raises(UserError, match="label 3 is not one of"):
        quiet(bank, classes=OTHER_ORDER)((source_image(0), 3))


def test_source_draws_no_class_that_the_dataset_lacks(bank: Bank) -> None:
    transform = quiet(bank, classes=FEWER, replace="source")
    for _ in range(30):
        image, label = transform((source_image(0), 1))  # a cat: rows for dog and bird
        assert (target_of(bank, image), label) == ("bird", 0)


def test_soft_labels_name_no_source_that_the_dataset_lacks(bank: Bank) -> None:
    transform = quiet(bank, classes=FEWER, label="soft")
    for _ in range(30):
        image, label = transform((source_image(60), 0))
        assert CLASSES[bank[row_of(np.asarray(image))].source_label] == "cat"
        assert label.tolist() == pytest.approx([0.6, 0.4])


def test_an_image_alone_needs_no_classes(bank: Bank) -> None:
    transform = quiet(bank, classes=OTHER_ORDER, p={"dog": 1.0})
    assert target_of(bank, transform(source_image(1))) == "dog"
    assert transform(source_image(0)) is not None
    assert transform.counters.replaced == 1


def test_a_known_source_with_another_label_is_noticed(bank: Bank) -> None:
    for classes in (None, EXTRA):
        transform = quiet(bank, replace="source", classes=classes)
        with pytest.warns(UserWarning, match=r"label 2, which is '\w+' here, is of class 'dog'"):
            transform((source_image(1), 2))
        batch = functional.pil_to_tensor(source_image(1))[None].expand(2, -1, -1, -1)
        with pytest.raises(
            UserError, match=r"is of class 'dog' in the bank .*3 of the 3 .* pass GeNIeTransform"
        ):
            transform(batch, torch.tensor([2, 2]))


def test_the_same_classes_use_the_bank_itself(bank: Bank) -> None:
    transform = GeNIeTransform(bank, classes=list(CLASSES))
    assert transform._chooser.bank is bank


def test_a_renumbered_transform_pickles_small(bank: Bank) -> None:
    transform = quiet(bank, classes=OTHER_ORDER)
    content = pickle.dumps(transform)
    assert len(content) < 16 * 1024
    image, label = pickle.loads(content)((source_image(60), 0))  # noqa: S301
    assert (target_of(bank, image), label) == ("bird", 0)
    assert "classes=[bird, cat, dog]" in repr(transform)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["fish", "frog"], r"no class of .* the dataset has \[fish, frog\], the bank \[cat, dog"),
        (["cat", "cat"], "has the name 'cat' twice"),
        ("cat", "got 'cat'"),
        (3, "got 3"),
        ([], "got none"),
        ([("cat", "kitten")], r"got \('cat', 'kitten'\)"),
    ],
)
def test_classes_that_are_none(bank: Bank, classes: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        GeNIeTransform(bank, classes=classes)


def test_what_is_out_of_reach_is_warned_of(bank: Bank) -> None:
    with pytest.warns(UserWarning, match=r"1 of its classes .* \[dog\], and 4 of 12 rows out of"):
        GeNIeTransform(bank, classes=FEWER)
    with pytest.warns(UserWarning, match=r"1 of 4 classes have no rows .* stay: \[fish\]"):
        GeNIeTransform(bank, classes=EXTRA)
    nothing = Bank.open(bank.path, keep="noise_ratio > 2")
    with pytest.warns(UserWarning, match="NOTHING will be replaced, for the filter 'noise_ratio"):
        GeNIeTransform(nothing)
    GeNIeTransform(nothing, p=0)
    few = Bank.open(bank.path, keep="label == 'dog'")
    assert "4 of 12 rows kept in 1 of 3 classes" in repr(few)
    with pytest.warns(UserWarning, match=r"2 of 3 classes have no rows .*\[cat, bird\]"):
        GeNIeTransform(few)
    GeNIeTransform(few, p={"dog": 1.0})  # the others are not wanted
    own = Bank.open(write_bank(bank.path / "own", [r for r in all_pairs() if r["source_label"]]))
    with pytest.warns(UserWarning, match=r"made from their images .* stay: \[cat\]"):
        GeNIeTransform(own, replace="source")


def test_few_hits_are_warned_of(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    known, unknown = source_image(0), source_image(60)
    for _ in range(50):
        transform(known)
    for _ in range(949):
        transform(unknown)
    with pytest.warns(UserWarning, match=r"knows only 50 of the first 1000 images, so only 5.0%"):
        transform(unknown)
    transform(unknown)


WRAPPERS: dict[str, Any] = {
    "itself": lambda photos: photos,
    "Subset": lambda photos: Subset(photos, [0, 1]),
    "random_split": lambda photos: random_split(Subset(photos, range(4)), [2, 2])[0],
    "ConcatDataset": lambda photos: ConcatDataset([photos, Subset(photos, [1])]),
    "WithTransforms": lambda photos: WithTransforms(Subset(photos, [1]), v2.Identity()),
    "ClassLabel": lambda photos: Columns(id=Value("int64"), label=ClassLabel(names=photos.classes)),
}


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_with_transforms_looks_through_wrappers(bank: Bank, wrap: str) -> None:
    dataset = WRAPPERS[wrap](Photos(OTHER_ORDER))
    for step in (GeNIeTransform(bank), v2.Compose([v2.Identity(), GeNIeTransform(bank)])):
        with pytest.raises(UserError, match=r"\[bird, cat, dog\], are not those of the bank"):
            WithTransforms(dataset, step)
    WithTransforms(dataset, GeNIeTransform(bank, classes=OTHER_ORDER))
    with pytest.raises(UserError, match="are not the classes= that"):
        WithTransforms(dataset, GeNIeTransform(bank, classes=["bird", "dog", "cat"]))
    WithTransforms(WRAPPERS[wrap](Photos(list(CLASSES))), GeNIeTransform(bank))


def test_joined_datasets_must_agree(bank: Bank) -> None:
    joined = ConcatDataset([Photos(OTHER_ORDER), Photos(list(CLASSES))])
    with pytest.raises(UserError, match="one label would mean two classes"):
        WithTransforms(joined, GeNIeTransform(bank))


def test_a_part_that_names_no_classes_is_warned_of(bank: Bank) -> None:
    nameless = TensorDataset(torch.zeros(2, 3, 4, 4), torch.zeros(2))
    joined = ConcatDataset([Photos(list(CLASSES)), nameless, Subset(nameless, [0])])
    with pytest.warns(
        UserWarning, match=r"2 of 3 parts .* name no classes \(TensorDataset, Subset"
    ):
        WithTransforms(joined, GeNIeTransform(bank))
    # None of them says anything: there is nothing to compare, and their numbers must agree.
    WithTransforms(ConcatDataset([nameless, nameless]), GeNIeTransform(bank))


def test_label_at_says_which_feature_is_the_label(bank: Bank) -> None:
    fine, coarse = ClassLabel(names=OTHER_ORDER), ClassLabel(names=["animal"])
    dataset = Columns(fine_label=fine, coarse_label=coarse)
    WithTransforms(dataset, GeNIeTransform(bank, classes=OTHER_ORDER, label_at="fine_label"))
    with pytest.raises(UserError, match=r"\[animal\], are not"):
        WithTransforms(dataset, GeNIeTransform(bank, label_at="coarse_label"))


def test_names_that_are_no_strings_are_counted(bank: Bank) -> None:
    photos = Photos(list(CLASSES))
    photos.classes = [("bird", "fowl"), ("cat", "kitten"), ("dog", "puppy")]  # type: ignore[list-item]
    WithTransforms(photos, GeNIeTransform(bank, classes=OTHER_ORDER))
    with pytest.raises(UserError):
        WithTransforms(photos, GeNIeTransform(bank))


def test_lazy_follows_the_dataset(bank: Bank) -> None:
    transform = quiet(bank, classes=OTHER_ORDER, size="stored")
    for image, label in iter_of(WithTransforms(Photos(OTHER_ORDER), transform, lazy=True)):
        assert target_of(bank, image) == OTHER_ORDER[label]


def iter_of(dataset: Any) -> Any:
    return (dataset[index] for index in range(len(dataset)))


def test_as_dataset_follows_the_dataset(bank: Bank) -> None:
    dataset = bank.as_dataset(classes=EXTRA)
    assert dataset.classes == EXTRA
    for index, (image, label) in enumerate(iter_of(dataset)):
        assert EXTRA[label] == target_of(bank, image)
        assert dataset.targets[index] == label
    with pytest.raises(UserError, match=r"1 classes that are not in classes=, \[dog\]: leave them"):
        bank.as_dataset(classes=FEWER)
    some = Bank.open(bank.path, keep="label not in ('dog',)").as_dataset(classes=FEWER)
    assert len(some) == 8
