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

from genie_transforms._schema import MANIFEST, Manifest, arrow_schema, dataset_files, shard_name

from .config import PLAN_FIELDS
from .pair_store import PairStore, embeddings_path, keep_shard
from .whole import write_json, write_whole

BUILD = "build.json"
EARLIER = "earlier"
_HEAVY = ("image", "sweep")
_VERSIONS = ("torch", "torchvision", "diffusers", "transformers", "faiss-cpu", "numpy", "pyarrow")


def claim(out: Path, build: dict[str, Any]) -> None:
    """Make `out` the folder of this build, or check that it already is.

    If only the plan is another one, because images, classes or targets came or went, finished
    shards are set aside: the build takes from them what it needs.

    Args:
        out: Folder of the bank.
        build: Recipe, fingerprint and plan, ready for JSON.

    Raises:
        FileExistsError: The folder holds something else, or a bank of another recipe.
    """
    path = out / BUILD
    found = check_claim(out, build)
    if found is not None and found != json.loads(json.dumps(build)):
        set_aside(out, sorted(finished_shards(out)))
        found = None
    if found is None:
        write_json(path, build)


def check_claim(out: Path, build: dict[str, Any]) -> dict[str, Any] | None:
    """Read what `out` was begun with; None for a new folder. Raises as `claim` does."""
    path = out / BUILD
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        wanted = json.loads(json.dumps(build))
        changed = sorted(_differences(fixed_part(found), fixed_part(wanted)))
        if changed:
            raise FileExistsError(
                f"{out} was begun with another recipe; it differs in {', '.join(changed)}. "
                "Give another --out, or remove that folder."
            )
        return found
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty and not a bank: give another --out")
    return None


def fixed_part(build: dict[str, Any]) -> dict[str, Any]:
    """Give what decides each single row, and so may not change within a bank."""
    fingerprint = dict(build["fingerprint"])
    fingerprint.pop("prompts_sha256", None)  # of all classes; each pair is known by its own
    recipe = {k: v for k, v in build["recipe"].items() if k not in PLAN_FIELDS}
    return {"recipe": recipe, "fingerprint": fingerprint}


def set_aside(out: Path, shards: Sequence[int]) -> None:
    """Move finished shards into `out/earlier`, where a later build finds their pairs.

    Nothing is removed before all is there, so it may be interrupted and called again.

    Raises:
        FileExistsError: A shard has no embeddings beside it, so that it cannot be used again.
    """
    for index in shards:
        embeddings = embeddings_path(out, index)
        if not embeddings.exists():
            raise FileExistsError(
                f"{out} cannot grow: {embeddings} is missing, and r* cannot be checked without it. "
                "Give another --out."
            )
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        keep_shard(out / EARLIER, out / entry["name"], embeddings)
    (out / MANIFEST).unlink(missing_ok=True)
    for index in shards:
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        stats_path(out, index).unlink()
        embeddings_path(out, index).unlink()
        (out / entry["name"]).unlink()


def own_pairs(out: Path) -> PairStore:
    """Find the pairs of a bank's finished shards where they are."""
    store = PairStore(out / EARLIER)
    for index in sorted(finished_shards(out)):
        entry = json.loads(stats_path(out, index).read_text())["shard"]
        if embeddings_path(out, index).exists():
            store.include(out / entry["name"], embeddings_path(out, index))
    return store


def stale_shards(out: Path) -> list[int]:
    """List the finished shards that hold a stale row."""
    return [
        index
        for index in sorted(finished_shards(out))
        if any(read_shard(out, index, ["stale"])["stale"].to_pylist())
    ]


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
    data = _stream(pa.Table.from_pylist(list(rows), schema=schema))
    name = shard_name(index, num_shards)
    write_whole(out / name, data)
    entry = {"name": name, "rows": len(rows), "sha256": hashlib.sha256(data).hexdigest()}
    write_json(stats_path(out, index), {"shard": entry, **stats})


def _stream(table: pa.Table) -> bytes:
    """Serialise rows as `datasets` reads them."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        if table.num_rows:
            writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def replace_shard(out: Path, index: int, name: str, column: pa.Array) -> None:
    """Put another column into a finished shard."""
    path = stats_path(out, index)
    stats = json.loads(path.read_text())
    file = out / stats["shard"]["name"]
    with pa.memory_map(str(file)) as source:
        table = pa.ipc.open_stream(source).read_all()
    place = table.schema.get_field_index(name)
    data = _stream(table.set_column(place, table.schema.field(place), column))
    # Stats first: if this is interrupted, the old column shows that it has to be done again.
    stats["shard"]["sha256"] = hashlib.sha256(data).hexdigest()
    write_json(path, stats)
    write_whole(file, data)


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
    return pa.concat_tables(
        [read_shard(out, index, columns) for index in sorted(finished_shards(out))]
    )


def read_shard(out: Path, index: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a finished shard; see `read_table`."""
    entry = json.loads(stats_path(out, index).read_text())["shard"]
    with pa.memory_map(str(out / entry["name"])) as file:
        table = pa.ipc.open_stream(file).read_all()
    return table.select(columns or [name for name in table.column_names if name not in _HEAVY])


def finalize(out: Path, class_names: Sequence[str], build: dict[str, Any], num_pairs: int) -> None:
    """Write what makes finished shards a bank; the manifest comes last."""
    stats = read_stats(out)
    shards = [entry["shard"] for entry in stats]
    schema = arrow_schema(class_names, keep_sweep=build["recipe"]["keep_sweep"])
    for name, content in dataset_files(schema, shards).items():
        write_json(out / name, content)
    counts = {
        "pairs": num_pairs,
        "rows": sum(shard["rows"] for shard in shards),
        "failed": sum(len(entry["failures"]) for entry in stats),
        "network_rows": sum(entry["network_rows"] for entry in stats),
        "reused": sum(entry.get("reused", 0) for entry in stats),
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
