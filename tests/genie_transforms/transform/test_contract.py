"""What is not a sample that can be replaced truthfully is refused, and options are checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform, UnsupportedSampleError, UserError
from tests.banks import row, row_of, source_image, write_bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path))


def tensor(index: int) -> torch.Tensor:
    return functional.pil_to_tensor(source_image(index))


UNKNOWN = {
    "one-hot list": [0, 1, 0],
    "one-hot tuple": (0.0, 1.0, 0.0),
    "empty": [],
    "array": np.array([0, 1, 0]),
    "0-d array": np.array(1),
    "names": ["dog"],
    "nested": [[0, 1, 0]],
    "bool": True,
    "bool tensor": torch.tensor(True),
    "NumPy bool": np.bool_(True),
    "set": {1},
    "object": object(),
    "complex": 1j,
}


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("label", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_labels_of_an_unknown_kind_are_refused(bank: Bank, p: float, label: Any, form: str) -> None:
    for image in (source_image(0), tensor(0)):
        sample = (image, label) if form == "tuple" else {"image": image, "label": label}
        with pytest.raises(UnsupportedSampleError, match="label"):
            GeNIeTransform(bank, p=p)(sample)


@pytest.mark.parametrize("more", [None, "a caption", ["a caption", "another"], b"x", Path("a.png")])
def test_what_is_no_label_stays(bank: Bank, more: Any) -> None:
    transform = GeNIeTransform(bank, p=1)
    assert transform((source_image(0), more))[1] == more
    assert transform.counters.replaced == 1


def test_label_at_none_says_that_there_is_no_label(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, label_at=None)
    image, more = transform((source_image(0), [1, 2]))
    assert bank[row_of(np.asarray(image))].label == 0
    assert more == [1, 2]
    with pytest.raises(UnsupportedSampleError, match="use WithTransforms"):
        GeNIeTransform(bank, replace="source")({"image": source_image(0), "label": None})


def test_columns_of_images_without_labels(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    for make in (source_image, tensor):
        columns = transform({"image": [make(i) for i in range(6)], "path": tuple("abcdef")})
        for index, image in enumerate(columns["image"]):
            pixels = image.permute(1, 2, 0).numpy() if make is tensor else np.asarray(image)
            assert bank[row_of(pixels)].label == index % 3
        assert columns["path"] == tuple("abcdef")
    assert transform.counters.replaced == 12


@pytest.mark.parametrize("labels", [torch.tensor([0, 1]), np.array([0, 1]), [0, 1], (0, 1)])
def test_columns_keep_their_kind(bank: Bank, labels: Any) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source")
    result = transform({"image": [tensor(0), tensor(1)], "label": labels})
    assert type(result["label"]) is type(labels)
    for wrong in ("ab", 3, [0]):
        with pytest.raises(UnsupportedSampleError, match="do not have 2 entries"):
            transform({"image": [tensor(0), tensor(1)], "label": wrong})


def test_two_tensors_without_a_label_are_refused(bank: Bank) -> None:
    with pytest.raises(UnsupportedSampleError, match="give the transform the one image"):
        GeNIeTransform(bank, p=1)({"left": tensor(0), "right": tensor(1)})


@pytest.mark.parametrize("replace", ["target", "source"])
@pytest.mark.parametrize(
    "labels",
    [[0, 1], (0, 1), np.array([0, 1], dtype=np.int32), ["cat", "dog"], [torch.tensor(0), 1]],
    ids=repr,
)
@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_labels_of_a_batch(bank: Bank, labels: Any, replace: Any, form: str) -> None:
    images = torch.stack([tensor(0), tensor(1)])
    transform = GeNIeTransform(bank, p=1, replace=replace)
    if form == "tuple":
        result, new = transform((images, labels))
    else:
        result, new = transform({"image": images, "label": labels}).values()
    assert type(new) is type(labels)
    for image, label, before in zip(result, new, labels, strict=True):
        expected = bank[row_of(image.permute(1, 2, 0).numpy())].label
        assert (label if isinstance(label, str) else int(label)) == (
            bank.class_names[expected] if isinstance(label, str) else expected
        )
        assert type(label) is type(before)
    soft = GeNIeTransform(bank, p=0, label="soft")((images, labels))[1]
    assert torch.equal(soft, torch.eye(3)[:2])


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0]], [0.0, 1.0], np.eye(2), [True, False], {0, 1}])
def test_labels_of_a_batch_of_an_unknown_kind(bank: Bank, labels: Any) -> None:
    images = torch.stack([tensor(0), tensor(1)])
    with pytest.raises(UnsupportedSampleError):
        GeNIeTransform(bank, p=1)((images, labels))


def test_in_place_needs_a_batch_that_can_be_written(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, in_place=True)
    labels = torch.zeros(2, dtype=torch.int64)
    for dtype in (torch.uint8, torch.float32):
        one = torch.zeros(1, 3, 8, 8, dtype=dtype)
        with pytest.raises(UserError, match="expanded batch"):
            transform(one.expand(2, 3, 8, 8), labels)
        assert not one.any()
    with pytest.raises(UserError, match="requires a gradient"):
        transform(torch.zeros(2, 3, 8, 8, requires_grad=True), labels)


def test_gradients_go_through_images_that_stay(bank: Bank) -> None:
    images = torch.rand(4, 3, 8, 8, requires_grad=True)
    transform = GeNIeTransform(bank, p={"dog": 1.0})
    result, _ = transform(images, torch.tensor([0, 1, 0, 1]))
    result.sum().backward()
    assert images.grad is not None
    assert images.grad.amax((1, 2, 3)).tolist() == [1, 0, 1, 0]
    one = torch.rand(3, 8, 8, requires_grad=True)
    assert not transform((one, 1))[0].requires_grad


@pytest.mark.parametrize("first", [0, 100])
def test_the_scale_is_checked_beyond_a_black_image(bank: Bank, first: int) -> None:
    transform = GeNIeTransform(bank, p=1)
    for _ in range(first):
        transform((torch.zeros(3, 8, 8), 0))
    transform((torch.rand(3, 8, 8) / 100, 0))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        transform((torch.rand(3, 8, 8) * 255, 0))
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        transform(torch.rand(2, 3, 8, 8) * 255, torch.tensor([0, 1]))


@pytest.mark.parametrize("p", [np.float32(1), np.float64(1), np.array(1.0), torch.tensor(1.0), 1])
def test_p_may_be_any_number(bank: Bank, p: Any) -> None:
    transform = GeNIeTransform(bank, p=p)
    transform((source_image(0), 0))
    assert transform.counters.replaced == 1
    repr(transform)


def test_p_may_be_one_tensor_for_all_classes(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=torch.tensor([1.0, 0, 0]))
    assert [transform.draw(label) is None for label in range(3)] == [False, True, True]
    assert "p=per class" in repr(transform)


def test_p_may_be_set_later(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    transform.p = 0
    image = source_image(0)
    assert transform((image, 0))[0] is image
    assert transform.p == 0
    with pytest.raises(ValueError, match=r"interval \[0, 1\], got 2"):
        transform.p = 2
    assert transform.p == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"soft_by": "x"}, "soft_by must be"),
        ({"gamma": -1}, "gamma must be positive"),
        ({"gamma": float("nan")}, "gamma must be positive"),
        ({"off_after": -1}, "off_after must be an epoch"),
        ({"off_after": 1.5}, "off_after must be an epoch"),
        ({"warmup_epochs": 0.5}, "warmup_epochs must not be negative, got 0.5"),
        ({"max_p": 2}, "max_p must be in the interval"),
        ({"class_counts": [1]}, "class_counts needs"),
        ({"class_counts": [1, 2, -3]}, "class_counts needs"),
        ({"mean": [], "std": []}, "std must be positive"),
    ],
)
def test_options_are_checked_even_where_they_do_nothing(
    bank: Bank, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GeNIeTransform(bank, **options)


def test_draw_and_empty_calls_are_refused(bank: Bank) -> None:
    with pytest.raises(UserError, match='needs replace="target"'):
        GeNIeTransform(bank, replace="source").draw(0)
    with pytest.raises(UnsupportedSampleError, match="without a sample"):
        GeNIeTransform(bank)()


def test_a_compiled_step_contains_the_transform(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)

    @torch.compile(backend="eager")
    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        replaced, _ = transform(images * 1.0, labels)
        return replaced + 1

    result = step(torch.zeros(2, 3, 8, 8), torch.tensor([0, 1]))
    assert ((result - 1)[:, 2] * 255).round().unique().tolist() == [128]
    assert transform.counters.replaced == 2


@pytest.mark.parametrize("size", [0, -1, (8, 0), (8,), (8, 8, 8), 2.5, True, "8"])
def test_decoded_sizes_are_checked(bank: Bank, size: Any) -> None:
    with pytest.raises(UserError, match="each at least 1: got"):
        bank.decoded(size)


def test_planes_may_be_written(bank: Bank) -> None:
    decoded = bank.decoded(8)
    before = decoded.planes(0, (8, 8)).clone()
    decoded.planes(0, (8, 8)).zero_()
    assert torch.equal(decoded.planes(0, (8, 8)), before)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts file descriptors there")
def test_a_transform_holds_no_file_descriptor(bank: Bank) -> None:
    before = len(os.listdir("/proc/self/fd"))
    transforms = [GeNIeTransform(bank) for _ in range(20)]
    assert len(os.listdir("/proc/self/fd")) <= before
    assert len(transforms) == 20


def test_an_image_alone_is_not_replaced_by_one_made_from_itself(tmp_path: Path) -> None:
    rows = [row(i, i, i % 3, i % 3) for i in range(6)]
    bank = Bank.open(write_bank(tmp_path, rows))
    transform = GeNIeTransform(bank, p=1)
    for source in range(6):
        image = transform(source_image(source))
        assert isinstance(image, Image.Image)
        assert row_of(np.asarray(image)) == (source + 3) % 6
    only = Bank.open(write_bank(tmp_path / "only", rows[:3]))
    transform = GeNIeTransform(only, p=1)
    image = source_image(0)
    assert transform(image) is image
    assert transform.counters.missing == 1


def test_labels_of_a_loader_that_keeps_their_column_are_named(bank: Bank) -> None:
    images = torch.zeros(2, 3, 8, 8)
    with pytest.raises(UnsupportedSampleError, match=r"\(2, 1\): give labels\.squeeze\(1\)"):
        GeNIeTransform(bank)(images, torch.zeros(2, 1, dtype=torch.int64))


def test_class_names_as_an_array(bank: Bank) -> None:
    names = bank.class_names[::-1]
    assert GeNIeTransform(bank, classes=np.array(names)).class_names == names
    # Their order is that of insertion, which need not be that of the labels.
    with pytest.raises(UserError, match=r"in the order of its labels, .* got dict_keys"):
        GeNIeTransform(bank, classes=dict.fromkeys(names).keys())  # type: ignore[arg-type]
