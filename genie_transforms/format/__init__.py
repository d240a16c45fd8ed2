"""The bank on disk: its columns, files and bytes, and whole-bank operations that need no reader.

Public to programs that write banks, such as `index`. Each thing has one way in and one way out:
one schema, one writer and reader of shards, one codec of images, one module of atomic files, one
dataset card, one list of the files that make a bank.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genie_transforms._pixel_key import PIXEL_HASH, pixel_key

from .card import Provenance, dataset_card, read_evaluation, write_card, write_evaluation
from .carried import carry_judgements, row_key, row_keys
from .exported import EXPORTED, EXPORTED_SOURCES, Exported, Layout, exported_judgement
from .files import (
    atomic_path,
    atomic_write,
    flush_folder,
    link_or_copy,
    naming_file,
    new_folder,
    sha256_of,
    write_json,
)
from .judgements import (
    NONE_OF_THEM,
    Judgement,
    check_judge_name,
    judge_names,
    judgement_path,
    read_judgements,
    rows_digest,
)
from .manifest import (
    CARD,
    JUDGEMENTS,
    MANIFEST,
    Manifest,
    bank_files,
    is_bank_file,
    is_beside_shards,
)
from .merge import merge_banks
from .pixel_keys import PIXEL_KEYS, PixelKeys
from .remote import (
    RemoteFile,
    RemoteFolder,
    cache_folder,
    is_uri,
    local_copy,
)
from .row import ROW_COLUMNS, Row
from .schema import (
    CLASS_COLUMNS,
    COLUMNS,
    DEFAULT_KEEP,
    REJECTED,
    arrow_schema,
    dataset_files,
    shard_name,
)
from .shards import read_bank, read_rows, read_shard, write_shard
from .sources import AMBIGUOUS, SOURCES, KnownSources
from .temporary import (
    is_alive,
    is_temporary,
    remove_temporaries,
    temporary_path,
    this_machine,
)
from .untrusted import bank_file, check_inside, read_json
from .verify_build import stats_checksum
from .writer import BankDescription, finish_bank, write_bank

if TYPE_CHECKING:
    from .codec import (
        Size,
        decode_image,
        encode_image,
        fit,
        image_of,
        open_image,
        planes_of,
        size_of,
    )
    from .verify import verify_bank
else:
    # Images need torch: whoever reads no more than manifest, rows or files does not wait for it.
    _CODEC = ("Size", "decode_image", "encode_image", "fit", "image_of", "open_image", "planes_of")
    _LAZY = dict.fromkeys((*_CODEC, "size_of"), ".codec") | {"verify_bank": ".verify"}

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        member = getattr(import_module(_LAZY[name], __name__), name)
        globals()[name] = member  # the next access does not come here
        return member


__all__ = [
    "AMBIGUOUS",
    "CARD",
    "CLASS_COLUMNS",
    "COLUMNS",
    "DEFAULT_KEEP",
    "EXPORTED",
    "EXPORTED_SOURCES",
    "JUDGEMENTS",
    "MANIFEST",
    "NONE_OF_THEM",
    "PIXEL_HASH",
    "PIXEL_KEYS",
    "REJECTED",
    "ROW_COLUMNS",
    "SOURCES",
    "BankDescription",
    "Exported",
    "Judgement",
    "KnownSources",
    "Layout",
    "Manifest",
    "PixelKeys",
    "Provenance",
    "RemoteFile",
    "RemoteFolder",
    "Row",
    "Size",
    "arrow_schema",
    "atomic_path",
    "atomic_write",
    "bank_file",
    "bank_files",
    "cache_folder",
    "carry_judgements",
    "check_inside",
    "check_judge_name",
    "dataset_card",
    "dataset_files",
    "decode_image",
    "encode_image",
    "exported_judgement",
    "finish_bank",
    "fit",
    "flush_folder",
    "image_of",
    "is_alive",
    "is_bank_file",
    "is_beside_shards",
    "is_temporary",
    "is_uri",
    "judge_names",
    "judgement_path",
    "link_or_copy",
    "local_copy",
    "merge_banks",
    "naming_file",
    "new_folder",
    "open_image",
    "pixel_key",
    "planes_of",
    "read_bank",
    "read_evaluation",
    "read_json",
    "read_judgements",
    "read_rows",
    "read_shard",
    "remove_temporaries",
    "row_key",
    "row_keys",
    "rows_digest",
    "sha256_of",
    "shard_name",
    "size_of",
    "stats_checksum",
    "temporary_path",
    "this_machine",
    "verify_bank",
    "write_bank",
    "write_card",
    "write_evaluation",
    "write_json",
    "write_shard",
]
