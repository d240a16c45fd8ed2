"""The folder of a bank while it is built: claimed, filled shard by shard, finalized.

Every file is written whole or not at all and names what it holds, so a build may be interrupted
anywhere and continued. No model is known here.
"""

from .check import drop_damaged_shards, fault_of_shard
from .claim import (
    SUPERSEDED,
    begin_folder,
    check_claim,
    claim_folder,
    own_pairs,
    supersede_shards,
)
from .descriptions import fixed_part, identity
from .duplicates import mark_near_duplicates
from .embeddings import chosen_embeddings, embeddings_path, write_embeddings
from .finalize import finalize
from .layout import check_folder, check_kinds, remove_leftovers_of_killed
from .lock import Owner, check_free, check_owner, hold_folder, owner_of
from .merged_index import merge_indexes
from .mirror import Mirror, NoMirror, mirrored
from .pairs import FinishedPair, PairStore, keep_shard, pairs_of_shard
from .shards import (
    finished_shards,
    is_finished,
    read_shard,
    read_shard_stats,
    read_stats,
    read_table,
    shard_path,
    stale_shards,
    write_shard,
)
from .sources import SourceBlock, SourceBlocks

__all__ = [
    "SUPERSEDED",
    "FinishedPair",
    "Mirror",
    "NoMirror",
    "Owner",
    "PairStore",
    "SourceBlock",
    "SourceBlocks",
    "begin_folder",
    "check_claim",
    "check_folder",
    "check_free",
    "check_kinds",
    "check_owner",
    "chosen_embeddings",
    "claim_folder",
    "drop_damaged_shards",
    "embeddings_path",
    "fault_of_shard",
    "finalize",
    "finished_shards",
    "fixed_part",
    "hold_folder",
    "identity",
    "is_finished",
    "keep_shard",
    "mark_near_duplicates",
    "merge_indexes",
    "mirrored",
    "own_pairs",
    "owner_of",
    "pairs_of_shard",
    "read_shard",
    "read_shard_stats",
    "read_stats",
    "read_table",
    "remove_leftovers_of_killed",
    "shard_path",
    "stale_shards",
    "supersede_shards",
    "write_embeddings",
    "write_shard",
]
