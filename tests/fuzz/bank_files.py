"""A bank in memory, so that it can be changed: file name -> content, or what else lies there."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from genie_transforms.format import this_machine, write_json, write_shard
from tests.banks import all_pairs, source_image, write_bank
from tests.judged import judge, reject

MANIFEST = "genie.json"

Special = Callable[[Path], None]
Files = dict[str, bytes | Special]


def good_banks() -> list[Files]:
    """Make some good banks: PNG and JPEG, with and without sweeps, shards, rows and judges."""
    jpegs = [{**row, "image": {"bytes": jpeg(row["seed"]), "path": None}} for row in all_pairs(3)]
    swept = [{**row, "sweep": [row["image"], row["image"]]} for row in all_pairs(2, 2)]
    with tempfile.TemporaryDirectory() as folder:
        banks = [
            write_bank(Path(folder, "png"), known=True),
            write_bank(Path(folder, "jpeg"), jpegs, num_shards=1),
            write_bank(
                Path(folder, "swept"), swept, class_names=("a", "b"), num_shards=2, keep_sweep=True
            ),
            write_bank(Path(folder, "empty"), [], num_shards=1),
            write_bank(Path(folder, "judged"), all_pairs(3)),
        ]
        for bank in banks[:2]:
            _add_build(bank)
        judge(banks[-1], "oracle", [0, None, -1, 1, 2, 0])
        reject(banks[-1], [1])
        return [
            {
                path.relative_to(bank).as_posix(): path.read_bytes()
                for path in sorted(bank.rglob("*"))
                if path.is_file()
            }
            for bank in banks
        ]


def _add_build(bank: Path) -> None:
    """Add what a build leaves beside its rows, and shows while it runs."""
    shards = json.loads((bank / MANIFEST).read_text())["shards"]
    for number, shard in enumerate(shards):
        table = pa.table({"key": ["x"] * shard["rows"]})
        entry = write_shard(bank / "embeddings" / f"{number:05d}.arrow", table)
        stats = {
            "shard": shard, "failures": [{"reason": "black", "attempts": 3}], "embeddings": entry,
            "reused": 1, "network_rows": 12, "seconds": {"denoise": 1.5, "read": 0.1},
        }  # fmt: skip
        write_json(bank / "stats" / f"{number:05d}.json", stats)
    plan = {"pairs": 2 * len(shards)}
    write_json(bank / "build.json", {"plan": plan, "recipe": {"pairs_per_shard": 2}})
    bad = {"id": "cat/x.png", "reason": "it is empty"}
    write_json(bank / "index" / "bad_images.json", {"bad": [bad]})
    (bank / "sources").mkdir()
    (bank / "sources" / f"{'0' * 32}.arrow").write_bytes(b"")
    process = {"host": "n1", "machine": this_machine(), "process": os.getpid(), "job": "j"}
    now = datetime.now(timezone.utc).isoformat()
    write_json(bank / "build.lock", {**process, "since": now})
    work = {"rank": None, "threads": 1, "order": ["generate", 0], "task": 1, "since": now}
    write_json(bank / "signs" / "n1-7.json", {**process, **work, "problem": ""})


def jpeg(index: int) -> bytes:
    """Encode an image of noise, progressively for every other number."""
    sink = io.BytesIO()
    source_image(index).save(sink, "JPEG", progressive=bool(index % 2))
    return sink.getvalue()


def encoded(image: Image.Image, image_format: str) -> bytes:
    """Encode an image in any format of Pillow's."""
    sink = io.BytesIO()
    image.save(sink, image_format)
    return sink.getvalue()


def write_files(files: Files, folder: Path) -> None:
    """Put a bank on disk."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            content(folder / name)


def read_table(data: bytes) -> pa.Table:
    """Read a shard; whatever Arrow raises when an earlier change has damaged it."""
    return pa.ipc.open_stream(data).read_all()


def put_shard(files: Files, name: str, data: bytes, rows: int) -> None:
    """Replace a shard, and say in the manifest what it holds, so that checksums find nothing."""
    files[name] = data
    manifest = manifest_of(files)
    if manifest is None:
        return
    for shard in manifest["shards"]:
        if shard["name"] == name:
            shard.update(rows=rows, sha256=hashlib.sha256(data).hexdigest())
    manifest["counts"]["rows"] = sum(shard["rows"] for shard in manifest["shards"])
    files[MANIFEST] = json.dumps(manifest).encode()


def manifest_of(files: Files) -> dict[str, Any] | None:
    """Return the manifest unless an earlier change has damaged it."""
    try:
        content = json.loads(files[MANIFEST])  # type: ignore[arg-type]
        sum(shard["rows"] for shard in content["shards"] if shard["name"])
        content["counts"]["rows"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def pipe(path: Path) -> None:
    """Make a pipe: whoever opens it waits for a writer."""
    os.mkfifo(path)


def subfolder(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


def unix_socket(path: Path) -> None:
    """Make a socket."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def link_to(target: str) -> Special:
    """Return what makes a link, to wherever."""
    return lambda path: path.symlink_to(target)
