"""The label that comes back is true of the image that comes back, whatever the bank."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from genie_transforms import Bank, GeNIeTransform
from tests.banks import row, row_of, source_image, write_bank

# Banks are drawn, so that some have classes without rows.
pytestmark = pytest.mark.filterwarnings("ignore:the bank")

NUM_CLASSES, NUM_SOURCES, SIZE = 4, 5, 8
NAMES = [f"class {index}" for index in range(NUM_CLASSES)]
SOURCES = [source_image(index, SIZE) for index in range(NUM_SOURCES)]

pairs = st.lists(
    st.tuples(st.integers(0, NUM_SOURCES - 1), st.integers(0, NUM_CLASSES - 1), st.booleans()),
    max_size=20,
)
# The class of source i is i mod 4, so class 0 has two images; the rest is drawn.
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def make_bank(drawn: list[tuple[int, int, bool]]) -> Bank:
    """A bank of drawn pairs, of which some are off target."""
    rows = [
        row(index, source, source % NUM_CLASSES, label, SIZE, on_target=on_target)
        for index, (source, label, on_target) in enumerate(drawn)
    ]
    folder = Path(tempfile.mkdtemp())
    return Bank.open(write_bank(folder, rows, class_names=NAMES, num_shards=3))


def check(bank: Bank, source: int, image: Any, label: int, replace: str, known: bool) -> bool:
    """Check one result; returns whether the image was replaced."""
    pixels = image if isinstance(image, np.ndarray) else np.asarray(image)
    if (pixels == np.asarray(SOURCES[source])).all():
        assert label == source % NUM_CLASSES
        return False
    negative = next(r for r in Bank.open(bank.path, None) if r.seed == row_of(pixels))
    assert negative.on_target, "a row that the filter left out"
    if known:
        assert label == negative.label
    if replace == "target":
        assert negative.label == source % NUM_CLASSES
    else:
        assert negative.source_id == f"{source}.png"
    return True


@quick
@given(pairs, st.integers(0, 2**31), st.sampled_from(["target", "source"]), st.floats(0, 1))
def test_one_sample(drawn: list, seed: int, replace: Any, p: float) -> None:
    bank = make_bank(drawn)
    torch.manual_seed(seed)
    transform = GeNIeTransform(bank, p=p, replace=replace)
    for source in range(NUM_SOURCES):
        image, label = transform((SOURCES[source], source % NUM_CLASSES))
        check(bank, source, image, label, replace, known=True)


@quick
@given(pairs, st.integers(0, 2**31))
def test_image_alone(drawn: list, seed: int) -> None:
    bank = make_bank(drawn)
    torch.manual_seed(seed)
    transform = GeNIeTransform(bank, p=1)
    known = {source for source, _, _ in drawn}
    for source in range(NUM_SOURCES):
        own = source % NUM_CLASSES
        # The bank knows the image, so it is not replaced by one that was made from itself.
        others = any(on and label == own and made != source for made, label, on in drawn)
        replaced = check(bank, source, transform(SOURCES[source]), own, "target", known=False)
        assert replaced == (source in known and others)


@quick
@given(
    pairs,
    st.integers(0, 2**31),
    st.sampled_from(["target", "source"]),
    st.lists(st.integers(0, NUM_SOURCES - 1), min_size=1, max_size=12),
    st.booleans(),
)
def test_batches(drawn: list, seed: int, replace: Any, sources: list[int], cached: bool) -> None:
    bank = make_bank(drawn)
    bank = bank.decoded(SIZE) if cached else bank
    images = torch.stack([functional.pil_to_tensor(SOURCES[source]) for source in sources])
    labels = torch.tensor([source % NUM_CLASSES for source in sources])
    before = images.clone(), labels.clone()
    torch.manual_seed(seed)
    new_images, new_labels = GeNIeTransform(bank, p=0.7, replace=replace)(images, labels)
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])
    for source, image, label in zip(sources, new_images, new_labels, strict=True):
        pixels = image.permute(1, 2, 0).numpy()
        check(bank, source, pixels, int(label), replace, known=True)


@pytest.mark.parametrize("replace", ["target", "source"])
@pytest.mark.parametrize("label", ["hard", "soft"])
def test_soft_labels_add_up_and_agree_with_hard_ones(replace: Any, label: Any) -> None:
    bank = make_bank([(s, c, True) for s in range(NUM_SOURCES) for c in range(NUM_CLASSES)])
    transform = GeNIeTransform(bank, p=1, replace=replace, label=label)
    for source in range(NUM_SOURCES):
        image, truth = transform((SOURCES[source], source % NUM_CLASSES))
        negative = bank[row_of(np.asarray(image))]
        if label == "hard":
            assert truth == negative.label
            continue
        assert float(truth.sum()) == pytest.approx(1)
        expected = torch.zeros(NUM_CLASSES)
        expected[negative.source_label] += 0.4
        expected[negative.label] += 0.6
        assert torch.allclose(truth, expected)


def takes_soft_labels() -> bool:
    """Tell whether this torchvision mixes labels that are soft already; old ones refuse them."""
    try:
        v2.MixUp(num_classes=2)(torch.zeros(2, 3, 4, 4), torch.full((2, 2), 0.5))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "mix",
    [
        v2.MixUp(num_classes=NUM_CLASSES),
        v2.CutMix(num_classes=NUM_CLASSES),
        v2.RandomChoice([v2.MixUp(num_classes=NUM_CLASSES), v2.CutMix(num_classes=NUM_CLASSES)]),
    ],
    ids=lambda mix: type(mix).__name__,
)
@pytest.mark.parametrize(
    "label",
    [
        "hard",
        pytest.param(
            "soft", marks=pytest.mark.skipif(not takes_soft_labels(), reason="old torchvision")
        ),
    ],
)
def test_before_mixup_and_cutmix(mix: Any, label: Any) -> None:
    """Every pixel of a negative tells its row: the mix of labels must be that of the pixels."""
    bank = make_bank([(s, (s + 1) % NUM_CLASSES, True) for s in range(NUM_SOURCES)])
    soft_by: dict[str, Any] = {"soft_by": "noise_ratio", "gamma": 1e-9} if label == "soft" else {}
    transform = GeNIeTransform(bank, p=1, label=label, **soft_by)
    labels = torch.tensor([1, 2, 3, 0])
    images, truth = transform(torch.zeros(4, 3, SIZE, SIZE), labels)
    rows = [row_of((image * 255).round().byte().permute(1, 2, 0).numpy()) for image in images]
    assert [bank[r].label for r in rows] == labels.tolist()
    torch.manual_seed(1)
    mixed, soft = mix(images, truth)
    red = torch.tensor(rows) / 255
    for index in range(4):
        weight = float(soft[index, labels[index]])
        mean = weight * red[index] + (1 - weight) * red[index - 1]
        assert float(mixed[index, 0].mean()) == pytest.approx(float(mean), abs=1e-4)
        assert float(soft[index].sum()) == pytest.approx(1, abs=1e-5)
