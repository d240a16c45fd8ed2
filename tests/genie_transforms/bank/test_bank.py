from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from genie_transforms import (
    Bank,
    BankError,
    BankFormatError,
    UnfinishedBankError,
    UnsupportedSampleError,
    UserError,
    source_digest,
)
from genie_transforms.format import pixel_key
from tests import judged
from tests.banks import CLASSES, all_pairs, negative_colour, png, row, source_image, write_bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path / "bank"))


def test_len_classes_and_manifest(bank: Bank) -> None:
    assert len(bank) == 12
    assert bank.class_names == list(CLASSES)
    assert bank.manifest.counts["rows"] == 12


def test_a_row_has_its_columns_and_image(bank: Bank) -> None:
    negative = bank[7]
    assert negative.label == 2
    assert negative.source_label == 0
    assert negative.source_id == "3.png"
    assert negative.noise_ratios == pytest.approx([0.5, 0.7, 0.9])
    assert negative.image().mode == "RGB"
    assert negative.image().getpixel((3, 3)) == negative_colour(7)


def test_rows_at_the_ends_and_beyond(bank: Bank) -> None:
    assert bank[-1] == bank[11]
    assert len(list(bank)) == 12
    with pytest.raises(IndexError, match="row 12 of a bank with 12 rows"):
        bank[12]


def test_rows_of_class_are_the_rows_with_that_label(bank: Bank) -> None:
    for label in range(3):
        expected = [index for index, row in enumerate(bank) if row.label == label]
        assert bank.rows_of_class(label).tolist() == expected
    with pytest.raises(ValueError, match="label 3 is not one of the 3 classes"):
        bank.rows_of_class(3)


def test_rows_of_source_are_the_rows_of_that_image(bank: Bank) -> None:
    for source in range(6):
        digest = source_digest(source_image(source))
        expected = [index for index, row in enumerate(bank) if row.source_id == f"{source}.png"]
        assert bank.rows_of_source(digest).tolist() == expected
        assert bank.label_of_source(digest) == source % 3
    unknown = source_digest(source_image(99))
    assert bank.rows_of_source(unknown).tolist() == []
    assert bank.label_of_source(unknown) is None


def test_an_image_under_two_classes_has_no_known_label(tmp_path: Path) -> None:
    rows = [row(0, 0, 0, 1), row(1, 0, 2, 1)]
    bank = Bank.open(write_bank(tmp_path, rows))
    digest = source_digest(source_image(0))
    assert bank.label_of_source(digest) is None
    assert bank.rows_of_source(digest).tolist() == [0, 1]


def test_default_filter_leaves_off_target_rows_and_duplicates_out(tmp_path: Path) -> None:
    rows = all_pairs()
    rows[0]["on_target"] = False
    rows[3]["duplicate"] = True
    path = write_bank(tmp_path, rows)
    assert [row.seed for row in Bank.open(path)] == [1, 2, *range(4, 12)]
    assert len(Bank.open(path, keep=None)) == 12


def test_the_label_of_an_image_is_known_whatever_the_filter(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path), keep="seed < 0")
    digest = source_digest(source_image(1))
    assert len(bank) == 0
    assert bank.label_of_source(digest) == 1
    assert bank.rows_of_source(digest).tolist() == []


def test_kept_counts_what_each_clause_drops(tmp_path: Path) -> None:
    rows = all_pairs()
    for index in (0, 1, 2):
        rows[index]["on_target"] = False
    rows[2]["noise_ratio"] = rows[3]["noise_ratio"] = 0.5
    bank = Bank.open(write_bank(tmp_path, rows), keep="on_target & noise_ratio >= 0.6")
    assert bank.kept.total == 12
    assert bank.kept.rows == 8
    assert bank.kept.dropped == {"on_target": 3, "noise_ratio >= 0.6": 1}
    assert "dropped: 3 by `on_target`" in repr(bank)


def test_a_noise_ratio_of_the_grid_passes_its_own_bound(tmp_path: Path) -> None:
    """The column is float32, and float32(0.7) is less than 0.7 but is what 0.7 is stored as."""
    grid = [0.3, 0.6, 0.7, 0.9]
    path = write_bank(tmp_path, [row(i, i, 0, 1, noise_ratio=r) for i, r in enumerate(grid)])
    for number, bound in enumerate(grid):
        for relation, expected in [
            (">=", grid[number:]),
            (">", grid[number + 1 :]),
            ("<=", grid[: number + 1]),
            ("<", grid[:number]),
            ("==", [bound]),
        ]:
            found = Bank.open(path, keep=f"noise_ratio {relation} {bound}").column("noise_ratio")
            assert found.tolist() == pytest.approx(expected)


def test_a_bad_filter_is_the_user_s_mistake(tmp_path: Path) -> None:
    path = write_bank(tmp_path)
    for keep in ("on_target &", "projections > 0.5", "prompt > 0.5", "label.real"):
        with pytest.raises(UserError, match="filter"):
            Bank.open(path, keep=keep)


def sweep_of(number: int) -> list[dict[str, Any]]:
    """The three images of a row's sweep as a bank stores them, each of another colour."""
    colours = [(number, step, 7) for step in range(3)]
    return [{"bytes": png(Image.new("RGB", (4, 4), c)), "path": None} for c in colours]


@pytest.mark.parametrize("num_shards", [1, 3])
def test_sweep_is_read_in_the_order_of_the_noise_ratios(tmp_path: Path, num_shards: int) -> None:
    rows = [{**row, "sweep": sweep_of(row["seed"])} for row in all_pairs()]
    write_bank(tmp_path, rows, num_shards=num_shards, keep_sweep=True)
    bank = Bank.open(tmp_path, keep="seed >= 4")
    for number, negative in enumerate(bank):
        images = bank.sweep(number)
        assert len(images) == len(negative.noise_ratios)
        assert [image.mode for image in images] == ["RGB"] * 3
        found = [image.getpixel((0, 0)) for image in images]
        assert found == [(negative.seed, step, 7) for step in range(3)]
    with pytest.raises(IndexError, match="row 8 of a bank with 8 rows"):
        bank.sweep(8)


def test_sweep_says_when_it_was_not_kept(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "without"))
    with pytest.raises(UserError, match=r"row 3 of .* has no sweep.*with --keep-sweep"):
        bank.sweep(3)
    rows = all_pairs()
    rows[0]["sweep"] = sweep_of(0)  # the others were merged from a bank without sweeps
    bank = Bank.open(write_bank(tmp_path / "partly", rows, keep_sweep=True))
    assert len(bank.sweep(0)) == 3
    with pytest.raises(UserError, match="--keep-sweep"):
        bank.sweep(1)


def test_a_damaged_sweep_names_the_row(tmp_path: Path) -> None:
    rows = [{**row, "sweep": [{"bytes": b"no image", "path": None}]} for row in all_pairs()]
    bank = Bank.open(write_bank(tmp_path, rows, keep_sweep=True))
    with pytest.raises(BankFormatError, match=r"row 2 of .* the image does not decode"):
        bank.sweep(2)


def test_pickling_leaves_the_data_out_and_reopens(bank: Bank) -> None:
    content = pickle.dumps(bank)
    assert len(content) < 1000
    again = pickle.loads(content)  # noqa: S301
    assert again[5] == bank[5]
    assert again.rows_of_class(1).tolist() == bank.rows_of_class(1).tolist()


@pytest.mark.parametrize("names", [("dog", "cat", "bird"), (*CLASSES, "fish")])
def test_a_pickled_bank_refuses_other_classes_in_its_place(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = write_bank(tmp_path / "bank")
    content = pickle.dumps(pickle.loads(pickle.dumps(Bank.open(path))))  # noqa: S301
    path.rename(tmp_path / "old")
    write_bank(path, class_names=names)
    with pytest.raises(BankError, match=r"bank was built again while in use, with other classes"):
        len(pickle.loads(content))  # noqa: S301


def test_a_pickled_bank_tells_of_other_rows_in_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_bank(tmp_path / "bank")
    content = pickle.dumps(Bank.open(path))
    assert len(pickle.loads(content)) == 12  # noqa: S301
    assert caplog.text == ""
    judged.reject(path, [0, 5])  # the shards stay, and rows get other numbers
    assert len(pickle.loads(content)) == 10  # noqa: S301
    assert "numbers of rows may mean other rows" in caplog.text


def test_rows_across_shards(tmp_path: Path) -> None:
    one = Bank.open(write_bank(tmp_path / "1", num_shards=1))
    five = Bank.open(write_bank(tmp_path / "5", num_shards=5))
    for index in range(12):
        assert one[index].image().tobytes() == five[index].image().tobytes()


def test_opening_what_is_not_a_bank(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="build one with"):
        Bank.open(tmp_path / "none")
    path = write_bank(tmp_path / "bank")
    (path / "genie.json").unlink()
    with pytest.raises(UnfinishedBankError, match="continues where it stopped"):
        Bank.open(path)


def test_missing_and_damaged_shards(tmp_path: Path) -> None:
    path = write_bank(tmp_path)
    shard = path / "data-00001-of-00002.arrow"
    content = shard.read_bytes()
    shard.write_bytes(b"")
    with pytest.raises(BankFormatError, match="damaged"):
        Bank.open(path)
    shard.write_bytes((path / "data-00000-of-00002.arrow").read_bytes()[: len(content) // 2])
    with pytest.raises(BankFormatError):
        Bank.open(path)
    shard.unlink()
    with pytest.raises(BankFormatError, match=r"data-00001-of-00002.arrow is missing"):
        Bank.open(path)


def test_the_manifest_must_count_the_rows(tmp_path: Path) -> None:
    def wrong(fields: dict) -> dict:
        shards = [{**shard, "rows": shard["rows"] + 1} for shard in fields["shards"]]
        return {**fields, "shards": shards}

    path = write_bank(tmp_path, change=wrong)
    with pytest.raises(BankFormatError, match=r"has 6 rows, genie\.json says 7"):
        Bank.open(path)


@pytest.mark.parametrize("size", [8, 16, (8, 24)])
def test_decoded_gives_the_same_images_as_decoding(bank: Bank, size: int | tuple) -> None:
    decoded = bank.decoded(size)
    shape = (size, size) if isinstance(size, int) else size
    for index in range(len(bank)):
        assert torch.equal(decoded.planes(index, shape), bank.planes(index, shape))
        assert decoded.image(index, shape).tobytes() == bank.image(index, shape).tobytes()
    assert decoded.planes(0, (4, 4)).shape == (3, 4, 4)
    assert decoded[0].image().size == shape[::-1]
    assert np.array_equal(next(decoded.mapped_arrays(np.array([5]), shape)), bank.planes(5, shape))


def test_decoded_follows_the_filter(tmp_path: Path) -> None:
    path = write_bank(tmp_path)
    everything = Bank.open(path).decoded(SIDE)
    some = Bank.open(path, keep="label == 1").decoded(SIDE)
    for index, negative in enumerate(some):
        expected = everything.planes(negative.seed, (SIDE, SIDE))
        assert torch.equal(some.planes(index, (SIDE, SIDE)), expected)
    assert len(list((path / "decoded").iterdir())) == 1


def test_decoded_is_written_once_and_leaves_no_temporary_file(bank: Bank) -> None:
    bank.decoded(8)
    (file,) = (bank.path / "decoded").iterdir()
    before = file.stat().st_mtime_ns
    bank.decoded(8)
    assert file.stat().st_mtime_ns == before


def test_decoded_says_what_to_do_when_it_cannot_write(bank: Bank, tmp_path: Path) -> None:
    (bank.path / "decoded").write_text("in the way")
    with pytest.raises(BankError, match=r"bank.decoded\(size, folder=...\)"):
        bank.decoded(8)
    assert len(bank.decoded(8, folder=tmp_path / "elsewhere")) == 12


def test_decoded_survives_pickling(bank: Bank) -> None:
    decoded = bank.decoded(8)
    decoded.planes(0, (8, 8))
    content = pickle.dumps(decoded)
    assert len(content) < 2000
    again = pickle.loads(content)  # noqa: S301
    assert torch.equal(again.planes(3, (8, 8)), decoded.planes(3, (8, 8)))


SIDE = 12


def test_fit_crops_the_centre_and_stretches_nothing(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path))
    assert bank.image(0, (8, 24)).size == (24, 8)
    assert bank.image(0, (8, 24)).getpixel((23, 0)) == negative_colour(0)


def test_digest_is_the_same_in_every_form() -> None:
    image = source_image(1, 20).crop((0, 0, 20, 13))
    tensor = functional.pil_to_tensor(image)
    forms = [
        image,
        tensor,
        tv_tensors.Image(tensor),
        tensor.float() / 255,
        functional.to_dtype(tensor, torch.float64, scale=True),
        functional.to_dtype(tensor, torch.float16, scale=True),
        np.asarray(image),
        tensor.contiguous(memory_format=torch.contiguous_format).permute(1, 2, 0).permute(2, 0, 1),
    ]
    assert len({source_digest(form) for form in forms}) == 1
    assert len(source_digest(image)) == 32


def test_digest_of_grey_and_transparent_images() -> None:
    grey = source_image(1).convert("L")
    forms = [grey, grey.convert("RGB"), functional.pil_to_tensor(grey), np.asarray(grey)]
    assert len({source_digest(form) for form in forms}) == 1
    clear = source_image(1).convert("RGBA")
    assert source_digest(clear) == source_digest(functional.pil_to_tensor(clear))
    assert source_digest(clear) == source_digest(source_image(1))


def test_digest_tells_pixels_and_sizes_apart() -> None:
    image = source_image(1)
    changed = image.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    flat = Image.new("RGB", (4, 9))
    others = [changed, image.transpose(Image.Transpose.ROTATE_90), flat, flat.resize((9, 4))]
    assert len({source_digest(other) for other in [image, *others]}) == 5


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_an_image_of_more_than_8_bits_has_no_digest(bank: Bank, mode: str) -> None:
    """Cut off at 255, images of any levels above it would be one."""
    for find in (source_digest, pixel_key, bank.digest_of):
        with pytest.raises(UnsupportedSampleError, match=f"8 bits, got mode '{mode}': convert"):
            find(Image.new(mode, (4, 4), 300))


@pytest.mark.parametrize("wrong", ["x.png", torch.zeros(2, 3, 4, 4), torch.zeros(7, 4, 4)])
def test_digest_refuses_what_is_not_an_image(wrong: object) -> None:
    with pytest.raises(UnsupportedSampleError, match="expected"):
        source_digest(wrong)
    with pytest.raises(UnsupportedSampleError, match="int64"):
        source_digest(torch.zeros(3, 4, 4, dtype=torch.int64))
