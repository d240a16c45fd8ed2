"""The blocks of an earlier version get their fast keys, and nothing is embedded again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from PIL import ExifTags, Image

from genie_transforms.format import PixelKeys, pixel_key
from index.build.embed import EmbedSources
from index.build.tasks import run_here
from index.demo.scenes import Scenes
from index.embed import load_backbone
from index.sources import open_source, source_of
from index.store import SourceBlocks


def _stage(folder: Path, photos: Path) -> EmbedSources:
    from torchvision.datasets import ImageFolder

    backbone = load_backbone("demo")
    return EmbedSources(source_of(ImageFolder(str(photos))), backbone, 64, SourceBlocks(folder, []))


def test_blocks_without_keys_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Scenes(2, classes=("arrow", "drop"), seed=1).write_image_folder(tmp_path / "photos")
    first = _stage(tmp_path / "bank", tmp_path / "photos")
    run_here(first)
    for path in first._blocks.folder.iterdir():  # type: ignore[union-attr]
        _drop_keys(path)
    again = _stage(tmp_path / "bank", tmp_path / "photos")
    assert not again.is_done(0)
    monkeypatch.setattr(type(again.backbone), "__call__", None)  # nothing is embedded
    run_here(again)
    assert torch.equal(
        torch.from_numpy(again.index().embedding(3)), torch.from_numpy(first.index().embedding(3))
    )
    source = source_of(again._source.dataset)
    keys = [pixel_key(source.image(row)) for row in range(4)]
    expected = PixelKeys.of(keys, list(again.index().digests))
    assert again.pixel_keys().keys.tolist() == expected.keys.tolist()
    assert again.pixel_keys().digests.tolist() == expected.digests.tolist()
    assert _stage(tmp_path / "bank", tmp_path / "photos").is_done(0)


def test_an_image_that_is_turned_later_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Scenes(2, classes=("arrow", "drop"), seed=1).write_image_folder(tmp_path / "photos")
    source, backbone = str(tmp_path / "photos"), load_backbone("demo")
    blocks = SourceBlocks(tmp_path / "bank", [])
    run_here(EmbedSources(open_source(source), backbone, 64, blocks))
    path = next((tmp_path / "photos" / "drop").iterdir())
    with Image.open(path) as image:
        exif = image.getexif()
        exif[ExifTags.Base.Orientation] = 6
        image.save(path, exif=exif)
    os.utime(path, ns=(1, 1))
    again = EmbedSources(open_source(source), backbone, 64, blocks)
    assert not again.is_done(0)
    run_here(again)
    assert f"1 images, such as drop/{path.name}, have the pixels of before" in caplog.text


def _drop_keys(path: Path) -> None:
    """Write a block as the version before did."""
    table = pa.ipc.open_stream(path.read_bytes()[:-32]).read_all().drop_columns(["pixel_key"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    path.write_bytes(data + hashlib.sha256(data).digest())
