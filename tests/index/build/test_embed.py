"""The blocks of an earlier version get their fast keys, and nothing is embedded again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from genie_transforms.format import PixelKeys, pixel_key
from index.build.embed import EmbedSources
from index.build.tasks import run_here
from index.demo.scenes import Scenes
from index.embed import load_backbone
from index.sources import source_of
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


def _drop_keys(path: Path) -> None:
    """Write a block as the version before did."""
    table = pa.ipc.open_stream(path.read_bytes()[:-32]).read_all().drop_columns(["pixel_key"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    path.write_bytes(data + hashlib.sha256(data).digest())
