from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms as v1
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from genie_transforms import (
    Bank,
    BankError,
    GeNIeTransform,
    NoNegativesError,
    UnsupportedSampleError,
)
from tests import judged
from tests.banks import CLASSES, SIZE, all_pairs, png, row, row_of, source_image, write_bank

FORMS = {
    "pil": lambda image: image,
    "uint8": functional.pil_to_tensor,
    "float": v1.ToTensor(),
    "half": lambda image: v1.ToTensor()(image).half(),
    "int16": lambda image: functional.to_dtype(
        functional.pil_to_tensor(image), torch.int16, scale=True
    ),
    "tv_tensor": functional.to_image,
}


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path / "bank"))


def pixels(image: Any) -> np.ndarray:
    """``(H, W, 3)`` uint8 pixels of an image in any form."""
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    plain = functional.to_dtype(image.as_subclass(torch.Tensor), torch.uint8, scale=True)
    return plain.movedim(-3, -1).numpy()


@pytest.mark.parametrize("form", FORMS)
def test_form_of_the_image_is_kept_and_the_label_true(bank: Bank, form: str) -> None:
    image = FORMS[form](source_image(0))
    before = copy.deepcopy(image)
    negative, label = GeNIeTransform(bank, p=1)((image, 0))
    assert type(negative) is type(image)
    if isinstance(image, torch.Tensor):
        assert (negative.dtype, negative.device, negative.shape) == (
            image.dtype,
            image.device,
            image.shape,
        )
        assert torch.equal(image, before)
    else:
        assert (negative.mode, negative.size) == (image.mode, image.size)
    assert label == 0
    assert bank[row_of(pixels(negative))].label == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "1"])
def test_modes_of_pil_images_are_kept(bank: Bank, mode: str) -> None:
    image = source_image(0).convert(mode)
    negative, _ = GeNIeTransform(bank, p=1)((image, 0))
    assert negative.mode == mode


def test_a_palette_image_becomes_a_negative_of_its_own_colours(tmp_path: Path) -> None:
    """A negative of 256 colours has all of them; the web palette has 216 of its own."""
    y, x = np.mgrid[:SIZE, :SIZE] * SIZE
    colours = Image.fromarray(np.stack([x, y, (x + y) // 2], -1).astype(np.uint8))
    rows = [row(0, 0, 0, 1, image={"bytes": png(colours), "path": None})]
    bank = Bank.open(write_bank(tmp_path, rows))
    image = source_image(1).convert("P")
    negative, _ = GeNIeTransform(bank, p={"dog": 1.0})((image, 1))
    assert negative.mode == "P"
    assert abs(pixels(negative).astype(int) - np.asarray(colours)).max() <= 8


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_a_pil_image_of_more_than_8_bits_is_refused(bank: Bank, mode: str, p: float) -> None:
    """Its negative would have levels up to 255 beside images up to 65,535."""
    image = Image.new(mode, (SIZE, SIZE), 40_000)
    for sample in (image, (image, 0)):
        with pytest.raises(UnsupportedSampleError, match=f"8 bits, got mode '{mode}': convert"):
            GeNIeTransform(bank, p=p)(sample)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (4, 8, 8), (8, 8), (2, 1, 8, 8)])
def test_channels_of_tensors_are_kept(bank: Bank, shape: tuple[int, ...]) -> None:
    label = torch.tensor([0, 1]) if len(shape) == 4 else 0
    negative, _ = GeNIeTransform(bank, p=1)((torch.rand(shape), label))
    assert negative.shape == shape
    if shape[0] == 4:
        assert (negative[3] == 1).all()


def test_two_channels_are_refused(bank: Bank) -> None:
    with pytest.raises(UnsupportedSampleError, match="2 channels"):
        GeNIeTransform(bank, p=1)((torch.rand(2, 8, 8), 0))


@pytest.mark.parametrize(
    "label",
    [1, np.int64(1), np.uint8(1), torch.tensor(1), torch.tensor(1, dtype=torch.int32), "dog"],
    ids=repr,
)
@pytest.mark.parametrize("replace", ["target", "source"])
def test_type_of_the_label_is_kept(bank: Bank, label: Any, replace: Any) -> None:
    transform = GeNIeTransform(bank, p=1, replace=replace)
    negative, new = transform((source_image(1), label))
    assert type(new) is type(label)
    if isinstance(label, torch.Tensor):
        assert new.dtype == label.dtype
    index = CLASSES.index(new) if isinstance(new, str) else int(new)
    assert index == bank[row_of(pixels(negative))].label
    assert (index == 1) == (replace == "target")


def test_source_replaces_by_a_negative_of_this_very_image(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, replace="source")
    for source in range(6):
        negative, label = transform((source_image(source), source % 3))
        row = bank[row_of(pixels(negative))]
        assert row.source_id == f"{source}.png"
        assert label == row.label != source % 3


@pytest.mark.parametrize("compose", [v1.Compose, v2.Compose])
@pytest.mark.parametrize("form", ["pil", "uint8", "float", "tv_tensor"])
def test_an_image_alone_is_known_by_its_pixels(bank: Bank, compose: Any, form: str) -> None:
    transform = GeNIeTransform(bank, p=1)
    composed = compose([transform, v2.Identity()])
    for source in range(6):
        negative = composed(FORMS[form](source_image(source)))
        assert bank[row_of(pixels(negative))].label == source % 3
    assert transform.counters.hit_share == 1


def test_a_normalised_image_alone_is_known_too(bank: Bank) -> None:
    normalise = v2.Normalize([0.4, 0.5, 0.6], [0.2, 0.3, 0.25])
    transform = GeNIeTransform(bank, p=1, mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.25])
    negative = transform(normalise(FORMS["float"](source_image(2))))
    assert transform.counters.replaced == 1
    blue = negative[2] * 0.25 + 0.6
    assert torch.allclose(blue, torch.full_like(blue, 128 / 255), atol=1e-5)


def test_an_unknown_image_passes_and_is_counted(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    image = source_image(77)
    assert transform(image) is image
    assert transform.counters.unknown == 1
    assert transform.counters.hit_share == 0


def test_one_warning_when_no_image_is_ever_known(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1)
    image = source_image(77)
    for _ in range(99):
        transform(image)
    with pytest.warns(UserWarning, match="knows none of the first 100 images"):
        transform(image)
    transform(image)  # a second warning would be an error here


def test_image_alone_cannot_lose_its_label(bank: Bank) -> None:
    for options in ({"replace": "source"}, {"label": "soft"}):
        with pytest.raises(UnsupportedSampleError, match="use WithTransforms"):
            GeNIeTransform(bank, **options)(source_image(0))


def test_p_0_gives_the_same_objects(bank: Bank) -> None:
    image = source_image(0)
    transform = GeNIeTransform(bank, p=0)
    assert transform(image) is image
    sample = transform((image, 0))
    assert sample[0] is image
    assert transform.counters.replaced == 0
    assert transform.counters.seen == 2


def test_p_is_applied_once(bank: Bank) -> None:
    torch.manual_seed(0)
    transform = GeNIeTransform(bank, p=0.3)
    image = source_image(0)
    for _ in range(1000):
        transform((image, 0))
        transform(image)
    transform((torch.zeros(2000, 3, 4, 4), torch.zeros(2000, dtype=torch.int64)))
    share = transform.counters.replaced / transform.counters.seen
    assert transform.counters.seen == 4000
    assert abs(share - 0.3) < 3 * (0.3 * 0.7 / 4000) ** 0.5


def test_p_for_each_class(bank: Bank) -> None:
    image = source_image(99)  # unknown to the bank, so of any class
    for p in ([0.0, 1.0, 0.0], {1: 1.0}, {"dog": 1.0}):
        transform = GeNIeTransform(bank, p=p)
        kept = [transform((image, label))[0] is image for label in range(3)]
        assert kept == [True, False, True]
        labels = torch.tensor([0, 1, 2])
        batch, _ = transform((torch.zeros(3, 3, 4, 4), labels))
        assert [bool(image.any()) for image in batch] == [False, True, False]


def test_balanced_p_goes_with_one_over_the_count(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p="balanced", class_counts=[99, 9, 0], max_p=0.8)
    assert transform._chooser.table == pytest.approx([0.008, 0.08, 0.8])


def test_schedule(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=1, warmup_epochs=4, off_after=9)
    factors = []
    for epoch in range(12):
        transform.set_epoch(epoch)
        transform.reset_counters()
        transform((torch.zeros(400, 3, 2, 2), torch.zeros(400, dtype=torch.int64)))
        factors.append(transform.counters.replaced / 400)
    expected = [0, 0.25, 0.5, 0.75, *[1] * 6, 0, 0]
    assert factors == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("schedule", "factor"), [({"warmup_epochs": 5}, 0), ({"off_after": 9}, 1)])
@pytest.mark.parametrize("size", [None, 100])
def test_one_warning_when_the_epoch_is_never_set(
    bank: Bank, schedule: dict[str, int], factor: int, size: int | None
) -> None:
    """Without it, a warm-up replaces nothing for ever, and nothing is ever turned off."""
    sample: Any = (source_image(0), 0)
    if size is not None:
        sample = (torch.zeros(size, 3, 2, 2), torch.zeros(size, dtype=torch.int64))
    transform = GeNIeTransform(bank, p=1, **schedule)
    for _ in range(1000 // (size or 1)):
        transform(sample)
    copies = pickle.loads(pickle.dumps(transform))  # noqa: S301
    with pytest.warns(UserWarning, match=rf"never told .* multiplied by {factor}\. Call set_epoch"):
        transform(sample)
    transform(sample)  # a second warning would be an error here
    copies.set_epoch(0)
    copies(sample)
    always = GeNIeTransform(bank, p=1)
    for _ in range(1001 // (size or 1) + 1):
        always(sample)


def test_a_class_without_negatives(tmp_path: Path) -> None:
    rows = [row for row in all_pairs() if row["label"] != 2]
    bank = Bank.open(write_bank(tmp_path, rows))
    image = source_image(2)
    with pytest.warns(UserWarning, match=r"1 of 3 classes have no rows .* stay: \[bird\]"):
        transform = GeNIeTransform(bank, p=1)
    assert transform((image, 2))[0] is image
    batch = torch.rand(2, 3, 4, 4)
    assert torch.equal(transform((batch, torch.tensor([2, 2])))[0], batch)
    assert transform.counters.missing == 3
    with pytest.warns(UserWarning, match="classes have no rows"):
        strict = GeNIeTransform(bank, p=1, on_missing="raise")
    for sample in ((image, 2), (batch, torch.tensor([0, 2]))):
        with pytest.raises(NoNegativesError, match="no negatives for class 2 \\('bird'\\)"):
            strict(sample)


def test_soft_labels_mix_source_and_target(bank: Bank) -> None:
    for options, weight in (
        ({"soft_by": "projection"}, 0.6),
        ({"soft_by": "noise_ratio", "gamma": 0.5}, 0.7**0.5),
    ):
        transform = GeNIeTransform(bank, p=1, replace="source", label="soft", **options)
        negative, label = transform((source_image(0), 0))
        row = bank[row_of(pixels(negative))]
        assert label[0] == pytest.approx(1 - weight)
        assert label[row.label] == pytest.approx(weight)
        assert label.sum() == pytest.approx(1)
        _, labels = transform((torch.zeros(2, 3, 4, 4), torch.tensor([0, 1])))
        assert torch.equal(labels, torch.eye(3)[:2])  # unknown images stay one-hot


def test_soft_labels_without_replacement_are_one_hot(bank: Bank) -> None:
    transform = GeNIeTransform(bank, p=0, label="soft")
    assert torch.equal(transform((source_image(1), 1))[1], torch.tensor([0.0, 1.0, 0.0]))


def test_soft_labels_need_projections(tmp_path: Path) -> None:
    rows = all_pairs()
    rows[0]["projections"] = []
    bank = Bank.open(write_bank(tmp_path, rows))
    with pytest.raises(ValueError, match=r"1 rows of .* have no projection"):
        GeNIeTransform(bank, label="soft")
    GeNIeTransform(bank, label="soft", soft_by="noise_ratio")


@pytest.mark.parametrize("change", ["built again", "rejected"])
def test_soft_labels_of_other_rows_are_refused(tmp_path: Path, change: str) -> None:
    """They are weights of rows by number: row 0 would get the weight of another."""
    rows = [row(i, 0, 0, 1, projections=[0.1, 0.1 * i, 0.9]) for i in range(4)]
    path = write_bank(tmp_path / "bank", rows)
    kinds = {
        kind: GeNIeTransform(Bank.open(path), p={"dog": 1.0}, label=kind)
        for kind in ("soft", "hard")
    }
    content = {kind: pickle.dumps(transform) for kind, transform in kinds.items()}
    if change == "built again":
        path.rename(tmp_path / "old")
        write_bank(path, rows[::-1])
    else:
        judged.reject(path, [0])
    soft, hard = (pickle.loads(content[kind]) for kind in ("soft", "hard"))  # noqa: S301
    with pytest.raises(BankError, match=r"soft labels are of its earlier rows: .* again"):
        soft((source_image(9), 1))
    assert hard((source_image(9), 1))[1] == 1
    assert kinds["soft"]((source_image(9), 1))[1].sum() == pytest.approx(1)  # still mapped


def test_size(bank: Bank) -> None:
    image = source_image(0).resize((31, 20))
    assert GeNIeTransform(bank, p=1)((image, 0))[0].size == (31, 20)
    assert GeNIeTransform(bank, p=1, size="stored")((image, 0))[0].size == (SIZE, SIZE)


def test_the_seed_decides(bank: Bank) -> None:
    def run() -> list[bytes]:
        torch.manual_seed(3)
        transform = GeNIeTransform(bank, p=0.5)
        return [transform((source_image(i), i % 3))[0].tobytes() for i in range(20)]

    assert run() == run()


def test_pickle_and_deepcopy(bank: Bank) -> None:
    transform = GeNIeTransform(bank.decoded(8), p=0.5)
    transform((torch.zeros(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64)))
    content = pickle.dumps(transform)
    assert len(content) < 64 * 1024
    copies = [pickle.loads(content), copy.deepcopy(transform)]  # noqa: S301
    assert all(again.counters == transform.counters for again in copies)
    for again in copies:
        results = []
        for one in (transform, again):
            torch.manual_seed(0)
            results.append(one((torch.zeros(9, 3, 8, 8), torch.zeros(9, dtype=torch.int64)))[0])
        assert torch.equal(*results)


def test_repr_names_what_decides(bank: Bank) -> None:
    text = repr(GeNIeTransform(bank, p=0.25, replace="source"))
    assert text.startswith("GeNIeTransform(bank='")
    for part in ("p=0.25", "replace='source'", "label='hard'", "rows=12", "on_target"):
        assert part in text
    assert "p=per class" in repr(GeNIeTransform(bank, p=[0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 1.5}, r"interval \[0, 1\], got 1.5"),
        ({"p": -0.1}, r"interval \[0, 1\], got -0.1"),
        ({"p": float("nan")}, r"interval \[0, 1\], got nan"),
        ({"p": [0.5]}, r"shape \(1,\), but the bank has 3 classes"),
        ({"p": {"fish": 0.5}}, "'fish' is not one of the bank's classes"),
        ({"p": "often"}, "got 'often'"),
        ({"p": "balanced"}, "needs class_counts="),
        ({"replace": "both"}, "replace must be one of 'target', 'source', got 'both'"),
        ({"label": "fuzzy"}, "label must be one of 'hard', 'soft', got 'fuzzy'"),
        ({"label": "soft", "soft_by": "r"}, "soft_by must be"),
        ({"label": "soft", "gamma": 0}, "gamma must be positive, got 0"),
        ({"soft_by": "noise_ratio"}, 'are for label="soft", which is not set'),
        ({"on_missing": "skip"}, "on_missing must be one of"),
        ({"size": 224}, "size must be one of 'match', 'stored', got 224"),
        ({"mean": [0.5]}, "mean and std go together"),
        ({"mean": 0.5, "std": 0.5}, "mean has a number for each channel, got 0.5"),
        ({"mean": [0.5], "std": [0.0]}, "std must be positive"),
        ({"mean": [0.5], "std": [58.4]}, "std must be positive and at most 1, .* divide"),
        ({"mean": [123.7], "std": [0.2]}, r"mean must be in \[0, 1\], .* divide"),
        ({"warmup_epochs": -1}, "warmup_epochs must not be negative, got -1"),
    ],
)
def test_wrong_arguments(bank: Bank, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeNIeTransform(bank, **options)


def test_a_path_is_not_a_bank() -> None:
    with pytest.raises(TypeError, match=r"open one with Bank\.open"):
        GeNIeTransform("genie-bank")  # type: ignore[arg-type]
