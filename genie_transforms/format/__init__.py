"""."""

from .card import Provenance, dataset_card
from .codec import Size, decode_image, encode_image, image_of, planes_of, size_of
from .files import atomic_path, atomic_write, link_or_copy, new_folder, write_json
from .manifest import MANIFEST, Manifest
from .merge import merge_banks
from .row import ROW_COLUMNS, Row
from .schema import CLASS_COLUMNS, arrow_schema, dataset_files, shard_name
from .shards import map_table
from .verify import verify_bank
from .writer import write_bank

__all__ = [
    "CLASS_COLUMNS",
    "MANIFEST",
    "ROW_COLUMNS",
    "Manifest",
    "Provenance",
    "Row",
    "Size",
    "arrow_schema",
    "atomic_path",
    "atomic_write",
    "dataset_card",
    "dataset_files",
    "decode_image",
    "encode_image",
    "image_of",
    "link_or_copy",
    "map_table",
    "merge_banks",
    "new_folder",
    "planes_of",
    "shard_name",
    "size_of",
    "verify_bank",
    "write_bank",
    "write_json",
]
