"""The columns of a bank, the names of its shards, and what makes `datasets` read them.

Hugging Face `datasets` opens a bank with `load_from_disk`: the features are in the schema's
metadata, `state.json` and `dataset_info.json` lie beside the shards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from genie_transforms._errors import BankFormatError

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


_FIELDS = (
    ("image", _IMAGE),  # JPEG or PNG bytes of the hard negative
    ("label", pa.int64()),  # the target class
    ("source_label", pa.int64()),
    ("source_id", pa.string()),  # path or index in the source dataset
    ("source_digest", pa.string()),  # content key of the source pixels
    ("noise_ratio", pa.float32()),  # r*
    ("noise_ratios", pa.list_(pa.float32())),  # the sweep; one entry for a fixed r
    ("projections", pa.list_(pa.float32())),  # one for each of noise_ratios
    ("prompt", pa.string()),
    ("seed", pa.int64()),
    ("method", pa.string()),
    ("target_similarity", pa.float32()),  # cosine to the target's centroid
    ("margin", pa.float32()),  # that, less the cosine to the best other class
    ("nearest_class", pa.int64()),  # by cosine to all centroids
    ("source_similarity", pa.float32()),  # cosine to the source's embedding
    ("on_target", pa.bool_()),  # nearest_class == label
    ("duplicate", pa.bool_()),  # nearly identical to its source
    ("near_duplicate", pa.bool_()),  # nearly identical to an earlier row
    ("blank", pa.bool_()),  # nearly one colour
    ("stale", pa.bool_()),  # its class has moved since r* was chosen, and r* would be another
)


_SWEEP = pa.list_(_IMAGE)


# What a column of a later version may be, if this one is to read it without knowing it.
_PLAIN = (pa.bool_(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string())


# The first banks of format version 1 were written without these.
_ADDED_LATER = ("margin", "near_duplicate", "blank", "stale")


COLUMNS = tuple(name for name, _ in _FIELDS if name not in _ADDED_LATER)
"""The columns that every bank of format version 1 has."""


CLASS_COLUMNS = ("label", "source_label", "nearest_class")
"""The columns that hold positions in the class names."""


REJECTED = "rejected"
"""The column that people add (see `judgements.py`). Without it, nobody has rejected a row."""


DEFAULT_KEEP = "on_target & ~duplicate & ~rejected"
"""Rows that are kept by default. A build marks those that fail it and deletes none, so that another
filter may keep them."""


STATE, DATASET_INFO = "state.json", "dataset_info.json"
"""What `datasets.load_from_disk` reads beside the shards."""


def shard_name(index: int, count: int) -> str:
    """Return the file name of a shard: `data-00000-of-00042.arrow`."""
    return f"data-{index:05d}-of-{count:05d}.arrow"


def arrow_schema(class_names: Sequence[str], *, keep_sweep: bool = False) -> pa.Schema:
    """Return the columns of a new bank, with the features of `datasets` in the metadata.

    Args:
        class_names: Names of the classes; labels are positions in it.
        keep_sweep: Whether every image of the sweep is kept in a column `sweep`.
    """
    schema = pa.schema([*_FIELDS, *([("sweep", _SWEEP)] if keep_sweep else [])])
    features = {field.name: _feature(field, list(class_names)) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def readable_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a shard that are read: those of a bank, and plain ones beside them.

    Args:
        schema: Of a file that anybody may have written.

    Raises:
        BankFormatError: A column is missing, is there twice, or has another type.
    """
    names = schema.names
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise BankFormatError(f"no columns {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise BankFormatError("two columns have one name")
    known = {**dict(_FIELDS), "sweep": _SWEEP}
    readable = []
    for name, kind in zip(names, schema.types, strict=True):
        if name in known and kind != known[name]:
            raise BankFormatError(f"the column {name} is {kind} and must be {known[name]}")
        if name in known or kind in _PLAIN:
            readable.append(name)
    return readable


def _feature(field: pa.Field[Any], class_names: list[str]) -> Any:
    """Describe a column in the words of `datasets`."""
    if field.name in CLASS_COLUMNS:
        return {"names": class_names, "_type": "ClassLabel"}
    if field.name == "image":
        return {"_type": "Image"}
    if field.name == "sweep":
        return {"feature": {"_type": "Image"}, "_type": "List"}
    if pa.types.is_list(field.type):
        return {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "List"}
    names = {pa.float32(): "float32", pa.int64(): "int64", pa.bool_(): "bool"}
    return {"dtype": names.get(field.type, "string"), "_type": "Value"}


def dataset_files(schema: pa.Schema, shards: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what `datasets.load_from_disk` reads beside the shards: file name -> content.

    Args:
        schema: As from `arrow_schema`.
        shards: Name, rows and SHA-256 of each shard, in order.
    """
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    # The fingerprint keys the caches of `datasets`, so it must follow the content.
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
    return {DATASET_INFO: {"features": features}, STATE: state}


def stated_names(schema: pa.Schema) -> Any:
    """Read the class names that a shard states; None if it states none."""
    return _stated((schema.metadata or {}).get(b"huggingface", b"null"))


# The shards of a bank state the same.
@lru_cache(maxsize=2)
def _stated(metadata: bytes) -> Any:
    try:
        content = json.loads(metadata)
    except (ValueError, RecursionError):
        return None
    return names_in(content.get("info")) if isinstance(content, dict) else None


def names_in(info: Any) -> Any:
    """Find the class names in what `datasets` knows of a dataset; None if they are not there."""
    for key in ("features", "label", "names"):
        info = info.get(key) if isinstance(info, dict) else None
    return info
