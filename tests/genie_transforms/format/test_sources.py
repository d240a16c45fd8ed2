"""All sources of a bank: sorted, mapped, and looked up without an object for each image."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from genie_transforms import Bank, BankFormatError
from genie_transforms.format import AMBIGUOUS, SOURCES, KnownSources, verify_bank
from tests.banks import all_pairs, known_sources, write_bank

# Keys that end and begin with zeros, which NumPy leaves out of its strings.
DIGESTS = ["ff" * 15 + "00", "00" * 16, "00" * 15 + "01", "80" + "00" * 15, "7f" + "ff" * 15]


def test_each_image_has_its_label(tmp_path: Path) -> None:
    path = tmp_path / "sources.arrow"
    known = KnownSources.of(DIGESTS, range(5))
    entry = known.write(path)
    assert entry == {"images": 5, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    mapped = KnownSources.read(path, entry, 5)
    assert [mapped.find(digest) for digest in DIGESTS] == list(range(5))
    for unknown in ("00" * 15 + "02", "ff" * 16, "7f" + "00" * 15):
        assert mapped.find(unknown) is None
    assert mapped.problems() == []
    with pa.ipc.open_file(str(path)) as reader:
        stored = reader.read_all()
    assert [digest.hex() for digest in stored["digest"].to_pylist()] == sorted(DIGESTS)


def test_bytes_do_not_depend_on_the_order(tmp_path: Path) -> None:
    first = KnownSources.of(DIGESTS, range(5)).write(tmp_path / "a")
    order = [3, 1, 4, 0, 2, 3]  # one of them twice
    again = KnownSources.of([DIGESTS[k] for k in order], order).write(tmp_path / "b")
    assert again == first


def test_an_image_of_two_classes_is_ambiguous() -> None:
    known = KnownSources.of([DIGESTS[0], DIGESTS[1], DIGESTS[0], DIGESTS[1]], [2, 1, 2, 0])
    assert len(known) == 2
    assert known.find(DIGESTS[0]) == 2
    assert known.find(DIGESTS[1]) == AMBIGUOUS
    assert known.num_ambiguous == 1
    union = KnownSources.union([known, KnownSources.of([DIGESTS[1], DIGESTS[2]], [1, 1])])
    assert [union.find(digest) for digest in DIGESTS[:4]] == [2, AMBIGUOUS, 1, None]
    moved = union.renumbered([5, 7, 6])
    assert [moved.find(digest) for digest in DIGESTS[:4]] == [6, AMBIGUOUS, 7, None]


def test_nothing_is_known_of_no_images(tmp_path: Path) -> None:
    entry = KnownSources.union([]).write(tmp_path / "a")
    assert KnownSources.read(tmp_path / "a", entry, 3).find(DIGESTS[0]) is None


def test_many_images_are_mapped_and_not_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    keys = np.sort(np.frombuffer(random.bytes(16 * 200_000), dtype="S16"))
    many = KnownSources(keys, random.integers(0, 100, len(keys)).astype(np.int32))
    mapped = KnownSources.read(tmp_path / "a", many.write(tmp_path / "a"), 100)
    assert not mapped.keys.flags.owndata
    assert not mapped.keys.flags.writeable
    assert mapped.keys.tobytes() == keys.tobytes()
    digest = keys.tobytes()[16 * 777 : 16 * 778].hex()
    assert mapped.find(digest) == many.labels[777]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        KnownSources.of(["00" * 15, "00" * 17], [0, 1])
    with pytest.raises(ValueError, match="1 digests but 2 labels"):
        KnownSources.of(DIGESTS[:1], [0, 1])


def test_a_file_that_is_not_what_the_manifest_says(tmp_path: Path) -> None:
    path = write_bank(tmp_path, known=True) / SOURCES
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(BankFormatError, match="is missing"):
        Bank.open(tmp_path)
    for content in (b"", whole[:200], whole[:-40]):
        path.write_bytes(content)
        with pytest.raises(BankFormatError, match=r"sources\.arrow is damaged"):
            Bank.open(tmp_path)
    known_sources({0: 0}).write(path)
    with pytest.raises(BankFormatError, match="holds 1 images, the manifest says 30"):
        Bank.open(tmp_path)
    known_sources(dict.fromkeys(range(30), 3)).write(path)
    with pytest.raises(BankFormatError, match="outside the 3 classes"):
        Bank.open(tmp_path)


def test_verify_looks_at_the_sources(tmp_path: Path) -> None:
    path = write_bank(tmp_path, known=True) / SOURCES
    assert verify_bank(tmp_path) == []
    known_sources({index: (index + (index == 4)) % 3 for index in range(30)}).write(path)
    problems = verify_bank(tmp_path)
    assert problems[0].startswith(f"{SOURCES}: SHA-256 is ")
    assert problems[1:] == [
        f"data-00001-of-00002.arrow: row {row}: source_label is 1, but {SOURCES} says 2"
        for row in (2, 3)
    ]
    assert all_pairs()[8]["source_label"] == 1  # source 4, rows 8 and 9
    path.unlink()
    assert "is missing" in verify_bank(tmp_path)[0]


def test_keys_that_do_not_ascend_are_found(tmp_path: Path) -> None:
    keys = KnownSources.of(DIGESTS, range(5)).keys[::-1]
    assert KnownSources(keys, np.zeros(5, dtype=np.int32)).problems() == [
        "content keys do not ascend, so that images are not found"
    ]


def test_sources_of_a_stranger(tmp_path: Path) -> None:
    path = write_bank(tmp_path / "bank", known=True) / SOURCES
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    with pa.ipc.new_file(
        str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table)
    with pytest.raises(BankFormatError, match="it is compressed"):
        Bank.open(tmp_path / "bank")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BankFormatError, match="outside the bank"):
        Bank.open(tmp_path / "bank")


def test_the_list_of_another_bank_is_refused_though_it_is_as_long(tmp_path: Path) -> None:
    path = write_bank(tmp_path, known=True) / SOURCES
    known_sources({index: (index + 1) % 3 for index in range(30)}).write(path)
    with pytest.raises(BankFormatError, match=r"sources\.arrow is not what genie\.json says"):
        Bank.open(tmp_path)
