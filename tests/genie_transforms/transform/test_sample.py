from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional
from transformers import BatchEncoding

from genie_transforms import Bank, GeNIeTransform, UnsupportedSampleError, UserError
from tests.banks import source_image, write_bank

TENSOR = functional.pil_to_tensor(source_image(0))

Pair = namedtuple("Pair", ["image", "label"])


class Unknown:
    """A leaf that no transform knows."""


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path))


def big_sample() -> dict[str, Any]:
    return {
        "path": "a.png",
        "label": 0,
        "image": source_image(0),
        "tensor": torch.rand(3, 4, 4),
        "none": None,
        "number": 0,
        "nested": {"object": Unknown(), "list": [1, Unknown()]},
    }


@pytest.mark.parametrize("container", [dict, list, tuple])
def test_unknown_leaves_stay_the_same_objects(bank: Bank, container: type) -> None:
    sample: Any = big_sample()
    order = ["image", "label", "path", "tensor", "none", "number", "nested"]
    if container is not dict:
        sample = container(sample[key] for key in order)
    result = GeNIeTransform(bank, p=1, replace="source")(sample)
    assert type(result) is container
    before, after = (
        (x if isinstance(x, dict) else dict(zip(order, x, strict=True))) for x in (sample, result)
    )
    assert list(after) == list(before)
    for key in ("path", "tensor", "none", "number"):
        assert after[key] is before[key]
    assert after["nested"]["object"] is before["nested"]["object"]
    assert after["nested"]["list"][1] is before["nested"]["list"][1]
    assert after["image"] is not before["image"]
    assert after["label"] in (1, 2)


@pytest.mark.parametrize(
    "sample",
    [
        (source_image(0), 0),
        [source_image(0), 0],
        Pair(source_image(0), 0),
        OrderedDict(label=0, image=source_image(0)),
        {"img": source_image(0), "fine_label": 0, "number": 2},
        {"x": source_image(0), "target": 0},
        (source_image(0), {"label": 0, "id": 5}),
        ({"image": source_image(0)}, 0),
        (source_image(0), 0, 2),
        {"label": torch.tensor(0), "pixel_values": functional.pil_to_tensor(source_image(0))},
        (functional.pil_to_tensor(source_image(0)), torch.tensor(0), torch.rand(3, 4, 4)),
    ],
    ids=lambda sample: type(sample).__name__,
)
def test_places_where_labels_usually_are(bank: Bank, sample: Any) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source")
    assert type(transform(sample)) is type(sample)
    assert transform.counters.replaced == 1


def test_two_arguments(bank: Bank) -> None:
    image, label = GeNIeTransform(bank, p=1)(source_image(0), 0)
    assert image.size == source_image(0).size
    assert label == 0


@pytest.mark.parametrize(
    ("sample", "label_at"),
    [
        ((7, source_image(0), 0), -1),
        (defaultdict(int, image=source_image(0), cls=0), "cls"),
        ({"image": source_image(0), "coarse_label": 2, "fine_label": 0}, "fine_label"),
        ((7, source_image(0), 0), 2),
        ((source_image(0), {"meta": [1, {"cls": 0}]}), (1, "meta", 1, "cls")),
    ],
)
def test_label_at_says_where_the_label_is(bank: Bank, sample: Any, label_at: Any) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source", label_at=label_at)
    transform(sample)
    assert transform.counters.replaced == 1


def test_equal_integers_are_not_taken_for_the_label(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source", label_at="y")
    sample = {"id": 0, "image": source_image(0), "y": 0, "z": 0}
    result = transform(sample)
    assert (result["id"], result["z"]) == (0, 0)
    assert result["y"] in (1, 2)


def test_a_tuple_without_label_is_known_by_its_image(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    transform((source_image(0), "a caption"))
    transform({"image": source_image(0), "path": "x"})
    assert transform.counters.replaced == 2


def test_columns_as_hugging_face_gives_them(bank: Bank) -> None:
    columns = {
        "image": [source_image(i) for i in range(4)],
        "label": [i % 3 for i in range(4)],
        "id": list("abcd"),
    }
    transform = GeNIeTransform(bank, p=1, replace="source")
    result = transform(columns)
    assert list(result) == list(columns)
    assert result["id"] == columns["id"]
    assert all(new != old for new, old in zip(result["label"], columns["label"], strict=True))
    assert transform.counters.replaced == 4
    with pytest.raises(UnsupportedSampleError, match=r"\['label'\] do not have 4 entries"):
        transform({**columns, "label": [0]})


PLACED = [
    tv_tensors.BoundingBoxes(torch.zeros(1, 4), format="XYXY", canvas_size=(16, 16)),
    tv_tensors.Mask(torch.zeros(16, 16)),
    tv_tensors.Video(torch.zeros(2, 3, 16, 16)),
]
if hasattr(tv_tensors, "KeyPoints"):  # not in the oldest torchvision
    PLACED.append(tv_tensors.KeyPoints(torch.zeros(1, 2), canvas_size=(16, 16)))


@pytest.mark.parametrize("leaf", PLACED, ids=lambda leaf: type(leaf).__name__)
@pytest.mark.parametrize("p", [0, 1])
def test_what_belongs_to_the_image_is_refused(bank: Bank, leaf: Any, p: float) -> None:
    with pytest.raises(UnsupportedSampleError, match=f"a sample with {type(leaf).__name__}"):
        GeNIeTransform(bank, p=p)((source_image(0), {"label": 0, "more": leaf}))


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize(
    "sample",
    [
        ((TENSOR, TENSOR.flip(-1)), 0),
        ([TENSOR, 0, TENSOR.flip(-1)]),
        {"mask": torch.ones(16, 16), "image": TENSOR, "label": 0},
        {"image": TENSOR, "label": 0, "depth": torch.ones(1, 16, 16)},
        {"image": tv_tensors.Image(TENSOR), "label": 0, "depth": torch.ones(1, 16, 16)},
        (source_image(0), 0, torch.ones(16, 16)),
        (source_image(0), 0, np.ones((1, 16, 16))),
        ([TENSOR[None], TENSOR[None].flip(-1)], torch.tensor([0])),
        (TENSOR[None], torch.tensor([0]), torch.ones(1, 16, 16)),
    ],
)
def test_another_tensor_of_the_image_s_size_is_refused(bank: Bank, sample: Any, p: float) -> None:
    with pytest.raises(UnsupportedSampleError, match=r"a tensor of shape .* give the transform"):
        GeNIeTransform(bank, p=p)(sample)


def test_a_tensor_of_another_size_stays(bank: Bank) -> None:
    for image in (source_image(0), TENSOR):
        for other in (torch.ones(16, 15), torch.ones(3, 15, 16), torch.ones(16)):
            result = GeNIeTransform(bank, p=1)({"image": image, "label": 0, "other": other})
            assert result["image"] is not image
            assert result["other"] is other


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("text", r"no image .* only \['str'\]"),
        ((1, 2), "no image"),
        ((source_image(0), source_image(1)), "2 images"),
        ((source_image(0), 0.5), "not a class label"),
        ((source_image(0), torch.tensor([0.2, 0.8, 0])), "0-d integer tensor"),
        ((source_image(0), torch.tensor(0.5)), "0-d integer tensor"),
        ({"image": source_image(0), "label_a": 0, "label_b": 1}, "pass label_at="),
        ((torch.rand(2, 3, 4, 4), torch.rand(2, 3)), "before MixUp and CutMix"),
    ],
)
def test_samples_that_cannot_be_replaced(bank: Bank, sample: Any, message: str) -> None:
    with pytest.raises(UnsupportedSampleError, match=message):
        GeNIeTransform(bank, p=1)(sample)


@pytest.mark.parametrize(
    "beside", [torch.zeros(1, 77, dtype=torch.int64), torch.rand(5, 4), torch.zeros(8, 8)]
)
def test_a_tensor_before_the_image_is_not_taken_for_it(bank: Bank, beside: torch.Tensor) -> None:
    genie = GeNIeTransform(bank, p=1, replace="source")
    result = genie({"beside": beside, "image": TENSOR, "label": 0})
    assert result["beside"] is beside
    assert result["image"].shape == TENSOR.shape
    assert not torch.equal(result["image"], TENSOR)


@pytest.mark.parametrize("beside", [torch.rand(1, 77, 768), torch.zeros(1, 8, 8)])
def test_the_first_of_two_tensors_with_channels_must_have_the_colours(
    bank: Bank, beside: torch.Tensor
) -> None:
    genie = GeNIeTransform(bank, p=1)
    with pytest.raises(UnsupportedSampleError, match=r"which of the tensors .* cannot be known"):
        genie({"beside": beside, "image": TENSOR, "label": 0})
    assert genie({"image": TENSOR, "beside": beside, "label": 0})["beside"] is beside


@pytest.mark.parametrize("image", [TENSOR.movedim(0, -1).numpy(), torch.zeros(16, 16)])
def test_an_image_that_cannot_be_told_from_features_is_refused(bank: Bank, image: Any) -> None:
    sample = {"image": image, "features": torch.zeros(2, 9), "label": 0}
    with pytest.raises(UnsupportedSampleError, match=r"shapes .*\(2, 9\).* cannot be known"):
        GeNIeTransform(bank, p=1)(sample)


@pytest.mark.parametrize("label_at", ["nowhere", ("image", 0), 3])
def test_label_at_must_lead_to_a_leaf(bank: Bank, label_at: Any) -> None:
    with pytest.raises(UnsupportedSampleError, match="no label at"):
        GeNIeTransform(bank, label_at=label_at)({"image": source_image(0), "label": 0})


@pytest.mark.parametrize(
    ("container", "wrong"), [(lambda **items: (1, items), (1, "cls")), (defaultdict, "cls")]
)
def test_label_at_must_not_lead_to_a_container(bank: Bank, container: Any, wrong: Any) -> None:
    sample = container(image=source_image(0), cls={"x": 0})
    with pytest.raises(UnsupportedSampleError, match=r"no label at .* but a value of type dict"):
        GeNIeTransform(bank, label_at=wrong)(sample)


def test_a_default_is_not_a_label(bank: Bank) -> None:
    sample = defaultdict(int, image=source_image(0))
    with pytest.raises(UnsupportedSampleError, match="no label at"):
        GeNIeTransform(bank, label_at="nowhere")(sample)


@pytest.mark.parametrize("mapping", [UserDict, BatchEncoding], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("label_at", ["default", (1, "label")])
def test_a_mapping_that_pytorch_does_not_know_is_refused(
    bank: Bank, mapping: Any, label_at: Any
) -> None:
    """Counting its entries as leaves would take the 2 behind it for the label."""
    sample = (source_image(0), mapping({"id": 5, "label": 0}), 2)
    message = f"{mapping.__name__} is not a container that PyTorch knows; turn it into a dict"
    with pytest.raises(UnsupportedSampleError, match=message):
        GeNIeTransform(bank, p=1, replace="source", label_at=label_at)(sample)


def test_a_mapping_that_pytorch_does_not_know_stays_the_same_beside_a_label(bank: Bank) -> None:
    more = UserDict(id=5)
    result = GeNIeTransform(bank, p=1, replace="source", label_at=2)((source_image(0), more, 0))
    assert result[1] is more
    assert result[2] in (1, 2)


@pytest.mark.parametrize("label", [-1, 3, "fish"])
def test_labels_beyond_the_classes(bank: Bank, label: Any) -> None:
    transform = GeNIeTransform(bank, p=1, label_at=1)
    with pytest.raises(UserError, match="not one of the bank's"):
        transform((source_image(0), label))
    if isinstance(label, int):
        with pytest.raises(UserError, match="not one of the bank's"):
            transform((torch.rand(2, 3, 4, 4), torch.tensor([0, label])))
