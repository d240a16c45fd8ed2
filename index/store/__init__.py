"""The folder of a bank while it is built: claimed, filled shard by shard, finalized.

Every file is written whole or not at all and names what it holds, so a build may be interrupted
anywhere and continued. `docs/format.md` describes the files; no model is known here.
"""

from .claim import (
    SUPERSEDED,
    check_claim,
    check_folder,
    claim_folder,
    fixed_part,
    own_pairs,
    supersede_shards,
)
from .duplicates import mark_near_duplicates
from .embeddings import chosen_embeddings, embeddings_path, write_embeddings
from .finalize import finalize
from .merged_index import merge_indexes
from .pairs import FinishedPair, PairStore, keep_shard
from .shards import finished_shards, read_shard, read_stats, read_table, stale_shards, write_shard

__all__ = [
    "SUPERSEDED",
    "FinishedPair",
    "PairStore",
    "check_claim",
    "check_folder",
    "chosen_embeddings",
    "claim_folder",
    "embeddings_path",
    "finalize",
    "finished_shards",
    "fixed_part",
    "keep_shard",
    "mark_near_duplicates",
    "merge_indexes",
    "own_pairs",
    "read_shard",
    "read_stats",
    "read_table",
    "stale_shards",
    "supersede_shards",
    "write_embeddings",
    "write_shard",
]
