"""The leakage guard finds what it is shown, and nothing else."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_transforms import UserError
from genie_transforms.format.manifest import Manifest
from index.build.builder import build
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.embed.embedding_index import EmbeddingIndex
from index.leakage import LeakageConfig, check_leakage, main
from index.leakage.check import nearly_same
from index.store.embeddings import embeddings_path

CLASSES = ("arrow", "drop", "fish")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, stable_diffusion_folder: Path) -> Path:
    root = tmp_path_factory.mktemp("leakage")
    Scenes(2, classes=CLASSES, seed=1).write_image_folder(root / "photos")
    config = BuildConfig(
        source=str(root / "photos"),
        model=str(stable_diffusion_folder),
        backbone="demo",
        out=root / "bank",
        num_inference_steps=2,
        noise_ratios=(0.6, 0.9),
        resolution=16,
        preview=0,
    )
    return build(config)


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    Scenes(2, classes=CLASSES, seed=2).write_image_folder(tmp_path / "test")
    return tmp_path / "test"


def _photos(bank: Path) -> list[Path]:
    return sorted((bank.parent / "photos").rglob("*.png"))


def test_fresh_images_are_no_overlap(
    bank: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    main([str(bank), "--test", str(held_out), "--similarity", "1", "--json", str(path)])
    report = json.loads(path.read_text())
    assert report["test_images"] == 6
    assert report["same"] == []
    assert report["near_sources"] == report["near_negatives"] == {}
    printed = capsys.readouterr().out
    assert "0 have the pixels of a source" in printed
    assert "train–test" in printed
    assert "augmented–test" in printed


def test_a_copy_in_another_file_format_is_an_overlap(
    bank: Path, held_out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(_photos(bank)[0]) as image:
        image.save(held_out / "copy.bmp")  # without loss, under another name
    with pytest.raises(SystemExit) as stop:
        main([str(bank), "--test", str(held_out)])
    assert stop.value.code == 1
    assert "1 have the pixels of a source\n  copy.bmp" in capsys.readouterr().out


def test_a_source_is_found_although_no_row_came_from_it(bank: Path, held_out: Path) -> None:
    index = EmbeddingIndex.load(bank / "index")
    assert len(index) == 6
    shutil.copy(_photos(bank)[-1], held_out)
    report = check_leakage(LeakageConfig(bank, held_out))
    assert report.same == [_photos(bank)[-1].name]
    assert report.near_sources is not None
    assert _photos(bank)[-1].name in report.near_sources


def test_linked_folders_are_read_once_and_no_loop_is_followed(
    bank: Path, held_out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = bank.parent / "photos"
    (held_out / "linked").symlink_to(photos / "fish", target_is_directory=True)
    (held_out / "linked too").symlink_to(photos / "fish", target_is_directory=True)
    (held_out / "back").symlink_to(held_out, target_is_directory=True)
    report = check_leakage(LeakageConfig(bank, held_out))
    assert report.same == [f"linked/{path.name}" for path in sorted((photos / "fish").iterdir())]
    assert report.test_images == 8
    assert "left out 2 links to folders that are read already" in caplog.text


def test_what_cannot_be_read_is_named_and_not_called_clean(
    bank: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (held_out / "fish" / "._1.jpg").write_bytes(b"Mac OS X")
    (held_out / "fish" / "half.png").write_bytes(_photos(bank)[0].read_bytes()[:200])
    path = tmp_path / "report.json"
    with pytest.raises(SystemExit) as stop:
        main([str(bank), "--test", str(held_out), "--json", str(path)])
    assert stop.value.code == 1
    report, printed = json.loads(path.read_text()), capsys.readouterr().out
    assert (report["test_images"], report["same"]) == (6, [])
    assert list(report["unreadable"]) == ["fish/._1.jpg", "fish/half.png"]
    assert "0 have the pixels of a source" in printed
    assert "2 files, of which nothing is known" in printed
    assert "fish/._1.jpg  its content is none of JPEG" in printed
    only = tmp_path / "only"
    shutil.copytree(held_out / "fish", only, ignore=shutil.ignore_patterns("[0-9]*"))
    with pytest.raises(UserError, match=r"none of 2 held-out images can be read: \._1\.jpg"):
        check_leakage(LeakageConfig(bank, only))


def test_images_that_no_build_reads_are_not_called_clean(bank: Path, held_out: Path) -> None:
    copied = _photos(bank)[0]
    (held_out / ".hidden").mkdir()
    for name in ("fish/1.jfif", "fish/content", ".hidden/1.png"):
        shutil.copy(copied, held_out / name)
    (held_out / "labels.csv").write_text("fish,0")
    report = check_leakage(LeakageConfig(bank, held_out))
    assert report.same == []
    assert sorted(report.unreadable) == [".hidden/1.png", "fish/1.jfif", "fish/content"]
    assert report.unreadable["fish/content"].startswith("PNG, which no build reads by this name")


def test_an_image_whose_name_is_no_text_is_read(bank: Path, held_out: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    shutil.copy(_photos(bank)[0], held_out / "fish" / name)
    report = check_leakage(LeakageConfig(bank, held_out))
    assert report.same == [r"fish/caf\xe9.png"]
    assert not report.unreadable


def test_an_image_is_known_by_its_upright_pixels_too(bank: Path, held_out: Path) -> None:
    # As Hugging Face's datasets read it: turned by what EXIF says, a quarter clockwise here.
    turned = Image.Exif()
    turned[0x0112] = 6
    with Image.open(_photos(bank)[0]) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(held_out / "turned.png", exif=turned)
    assert check_leakage(LeakageConfig(bank, held_out)).same == ["turned.png"]


def test_held_out_images_of_16_bits_are_compared(bank: Path, held_out: Path) -> None:
    levels = np.linspace(0, 200, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(held_out / "fish" / "deep.png")
    report = check_leakage(LeakageConfig(bank, held_out))
    assert (report.test_images, report.unreadable, report.same) == (7, {}, [])


def test_near_copies_count_when_asked(bank: Path, tmp_path: Path) -> None:
    with Image.open(_photos(bank)[0]) as image:
        pixels = np.asarray(image.convert("RGB")).copy()
    pixels[0, 0] ^= 1
    (tmp_path / "test").mkdir()
    Image.fromarray(pixels).save(tmp_path / "test" / "near.png")
    main([str(bank), "--test", str(tmp_path / "test")])  # other pixels: no overlap
    with pytest.raises(SystemExit) as stop:
        main([str(bank), "--test", str(tmp_path / "test"), "--near"])
    assert stop.value.code == 1


def test_distances_are_those_of_the_embeddings(bank: Path, held_out: Path) -> None:
    report = check_leakage(LeakageConfig(bank, held_out))
    index = EmbeddingIndex.load(bank / "index")
    # The mean of all cosines is the product of the means.
    copies = check_leakage(LeakageConfig(bank, bank.parent / "photos"))
    mean = index.embeddings().astype(np.float64).mean(0)
    assert report.train_test is not None
    assert copies.train_test is not None
    assert copies.train_test.mean == pytest.approx(1 - mean @ mean, abs=1e-5)
    assert copies.train_test.nearest_mean == pytest.approx(0, abs=1e-5)
    assert report.train_test.nearest_mean > copies.train_test.nearest_mean
    assert report.augmented_test is not None
    assert 0 < report.augmented_test.mean < 2


def _stored_as(bank: Path, to: Path, factory: str) -> Path:
    """Copy a bank as `--index-factory` would have stored it."""
    shutil.copytree(bank, to)
    EmbeddingIndex.load(bank / "index").stored_as(factory).save(to / "index")
    return to


def _of_old(bank: Path) -> Path:
    """Make a bank as it was when a compressed index was all that it had."""
    (bank / "index" / "embeddings.npy").unlink()
    about = json.loads((bank / "index" / "index.json").read_text())
    del about["embeddings"]
    (bank / "index" / "index.json").write_text(json.dumps(about))
    return bank


@pytest.mark.parametrize("factory", ["HNSW8", "IVF1,Flat", "SQ4", "PQ2x1"])
def test_the_guard_is_exact_beside_any_index(
    bank: Path, held_out: Path, tmp_path: Path, factory: str
) -> None:
    shutil.copy(_photos(bank)[0], held_out / "copy.png")
    exact = check_leakage(LeakageConfig(bank, held_out))
    other = check_leakage(LeakageConfig(_stored_as(bank, tmp_path / "other", factory), held_out))
    assert exact.near_sources is not None
    assert "copy.png" in exact.near_sources
    assert other == replace(exact, bank=other.bank)


def test_all_copies_are_found_where_codes_show_a_few() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((1000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = EmbeddingIndex(32)
    index.add(vectors, np.arange(1000), np.zeros(1000, dtype=np.int64))
    compressed = index.stored_as("PQ8x8")
    copies, names = vectors[::10], [str(row) for row in range(0, 1000, 10)]
    decoded = compressed._index.index.reconstruct_n(0, 1000)
    assert len(nearly_same(decoded, copies, names, 0.99)) < 50
    assert list(nearly_same(compressed.embeddings(), copies, names, 0.99)) == names


def test_an_approximate_index_of_old_that_has_its_vectors_serves(
    bank: Path, held_out: Path, tmp_path: Path
) -> None:
    exact = check_leakage(LeakageConfig(bank, held_out))
    old = _of_old(_stored_as(bank, tmp_path / "old", "HNSW8"))
    assert check_leakage(LeakageConfig(old, held_out)) == replace(exact, bank=str(old))


def test_of_a_compressed_bank_of_old_it_is_said_what_cannot_be_known(
    bank: Path,
    held_out: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = _of_old(_stored_as(bank, tmp_path / "old", "SQ4"))
    path = tmp_path / "report.json"
    main([str(old), "--test", str(held_out), "--json", str(path)])
    report, printed = json.loads(path.read_text()), capsys.readouterr().out
    assert report["near_sources"] is report["train_test"] is None
    assert report["augmented_test"] is not None
    assert "cannot be known of a source: embeddings are compressed" in printed
    assert "train–test" not in printed
    assert "compressed, as 'SQ4'" in caplog.text
    with pytest.raises(SystemExit) as stop:  # what is asked for cannot be answered
        main([str(old), "--test", str(held_out), "--near"])
    assert stop.value.code == 2
    assert "run its build again, which makes no image again" in caplog.text
    shutil.copy(_photos(bank)[0], held_out / "copy.png")  # and this can
    with pytest.raises(SystemExit) as stop:
        main([str(old), "--test", str(held_out)])
    assert stop.value.code == 1


def test_mistakes_are_named(
    bank: Path, held_out: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty").mkdir()
    changed = tmp_path / "changed"
    shutil.copytree(bank, changed)
    manifest = json.loads((changed / "genie.json").read_text())
    manifest["fingerprint"]["backbone"]["weights_sha256"] = "0" * 64
    (changed / "genie.json").write_text(json.dumps(manifest))
    stripped = tmp_path / "stripped"
    shutil.copytree(bank, stripped)
    embeddings_path(stripped, 0).unlink()
    cases = {
        "no bank at": [str(tmp_path / "none"), "--test", str(held_out)],
        "similarity must lie in [-1, 1], got 99": [
            *(str(bank), "--test", str(held_out), "--similarity", "99")
        ],
        "--test /nowhere: no such folder": [str(bank), "--test", "/nowhere"],
        "no images there": [str(bank), "--test", str(tmp_path / "empty")],
        "is no longer the one": [str(changed), "--test", str(held_out)],
        "leakage needs the bank as it was built": [str(stripped), "--test", str(held_out)],
    }
    for message, flags in cases.items():
        caplog.clear()
        with pytest.raises(SystemExit) as stop:
            main(flags)
        assert stop.value.code == 2
        assert message in caplog.text
    assert Manifest.read(bank).counts["rows"] == 12
