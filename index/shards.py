"""Write one shard atomically, list the finished ones, finalize a bank.

A shard is finished when its stats file exists: data is written to a temporary name, flushed to
disk and renamed, and only then are the stats written, in the same way. Whatever was interrupted
before that is simply done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from genie_transforms._schema import MANIFEST, Manifest, arrow_schema, shard_name

from .whole import write_json, write_whole

BUILD = "build.json"
_HEAVY = ("image", "sweep")
_VERSIONS = ("torch", "torchvision", "diffusers", "transformers", "faiss-cpu", "numpy", "pyarrow")


def claim(out: Path, build: dict[str, Any]) -> None:
    """Make `out` the folder of this build, or check that it already is.

    Args:
        out: Folder of the bank.
        build: Recipe, fingerprint and plan, ready for JSON.

    Raises:
        FileExistsError: The folder holds something else, or a bank of another recipe.
    """
    path = out / BUILD
    if path.exists():
        found = json.loads(path.read_text())
        wanted = json.loads(json.dumps(build))
        changed = sorted(_differences(found, wanted))
        if changed:
            raise FileExistsError(
                f"{out} was begun with another recipe; it differs in {', '.join(changed)}. "
                "Give another --out, or remove that folder."
            )
    elif out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty and not a bank: give another --out")
    else:
        write_json(path, build)


def _differences(found: Any, wanted: Any, name: str = "") -> list[str]:
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        return [] if found == wanted else [f"{name} ({found!r} there, {wanted!r} now)"]
    keys = found.keys() | wanted.keys()
    return [
        difference
        for key in keys
        for difference in _differences(found.get(key), wanted.get(key), f"{name}.{key}".strip("."))
    ]


def stats_path(out: Path, index: int) -> Path:
    """Give the stats file of a shard: `stats/00000.json`."""
    return out / "stats" / f"{index:05d}.json"


def finished_shards(out: Path) -> set[int]:
    """List the shards that need not be run again."""
    return {int(path.stem) for path in (out / "stats").glob("[0-9]*.json")}


def write_shard(
    out: Path,
    index: int,
    num_shards: int,
    rows: Sequence[dict[str, Any]],
    class_names: Sequence[str],
    stats: dict[str, Any],
    *,
    keep_sweep: bool = False,
) -> None:
    """Write the rows of a shard, then its stats, which mark it as finished."""
    schema = arrow_schema(class_names, keep_sweep=keep_sweep)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        if rows:
            writer.write_table(pa.Table.from_pylist(list(rows), schema=schema))
    data = sink.getvalue().to_pybytes()
    name = shard_name(index, num_shards)
    write_whole(out / name, data)
    entry = {"name": name, "rows": len(rows), "sha256": hashlib.sha256(data).hexdigest()}
    write_json(stats_path(out, index), {"shard": entry, **stats})


def read_stats(out: Path) -> list[dict[str, Any]]:
    """Read the stats of all finished shards, in order."""
    return [
        json.loads(stats_path(out, index).read_text()) for index in sorted(finished_shards(out))
    ]


def read_table(out: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of all finished shards, in order; `image` only if it is asked for.

    Args:
        out: Folder of the bank.
        columns: Names of columns; all but images if not given.
    """
    tables = []
    for entry in read_stats(out):
        with pa.memory_map(str(out / entry["shard"]["name"])) as file:
            table = pa.ipc.open_stream(file).read_all()
            wanted = columns or [name for name in table.column_names if name not in _HEAVY]
            tables.append(table.select(wanted))
    return pa.concat_tables(tables)


def finalize(out: Path, class_names: Sequence[str], build: dict[str, Any], num_pairs: int) -> None:
    """Write what makes finished shards a bank; the manifest comes last."""
    stats = read_stats(out)
    shards = [entry["shard"] for entry in stats]
    metadata = arrow_schema(class_names, keep_sweep=build["recipe"]["keep_sweep"]).metadata
    features = json.loads(metadata[b"huggingface"])["info"]["features"]
    write_json(out / "dataset_info.json", {"features": features})
    identity = hashlib.sha256(json.dumps(shards, sort_keys=True).encode()).hexdigest()
    state: dict[str, Any] = {
        "_data_files": [{"filename": shard["name"]} for shard in shards],
        "_fingerprint": identity[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_json(out / "state.json", state)
    counts = {
        "pairs": num_pairs,
        "rows": sum(shard["rows"] for shard in shards),
        "failed": sum(len(entry["failures"]) for entry in stats),
        "network_rows": sum(entry["network_rows"] for entry in stats),
        "shards": len(shards),
    }
    manifest = Manifest(
        class_names=list(class_names),
        recipe=build["recipe"],
        fingerprint=build["fingerprint"],
        counts=counts,
        shards=shards,
        versions={name: version(name) for name in _VERSIONS},
    )
    write_whole(out / MANIFEST, manifest.to_json().encode())
