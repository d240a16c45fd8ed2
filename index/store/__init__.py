"""The folder of a bank while it is built: claimed, filled shard by shard, finalized.

Every file is written whole or not at all and names what it holds, so a build may be interrupted
anywhere and continued. No model is known here.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .descriptions import fixed_part, identity
from .finalize import finalize
from .layout import (
    BUILD,
    check_folder,
    check_kinds,
    is_mirrored,
    is_stats,
    remove_leftovers_of_killed,
    shard_number,
    source_blocks,
)
from .lock import DEAD_AFTER, LOCK, Owner, check_free, check_owner, hold_folder, owner_of
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
from .signs import Seen, Sign, Watch, read_signs, remove_signs, signing

if TYPE_CHECKING:
    from .check import drop_damaged_shards, fault_of_shard
    from .claim import (
        SUPERSEDED,
        begin_folder,
        check_claim,
        check_claimed,
        claim_folder,
        own_pairs,
        supersede_shards,
    )
    from .duplicates import mark_near_duplicates
    from .embeddings import chosen_embeddings, embeddings_path, write_embeddings
    from .merged_index import merge_indexes
    from .mirror import Mirror, NoMirror, mirrored
    from .pairs import FinishedPair, PairStore, keep_shard, pairs_of_shard
    from .sources import SourceBlock, SourceBlocks
else:
    # These need embeddings, and so torch and FAISS; who only looks at the folder does not.
    __getattr__ = lazy_members(
        __name__,
        {
            "check": ["drop_damaged_shards", "fault_of_shard"],
            "claim": [
                *("SUPERSEDED", "begin_folder", "check_claim", "check_claimed", "claim_folder"),
                *("own_pairs", "supersede_shards"),
            ],
            "duplicates": ["mark_near_duplicates"],
            "embeddings": ["chosen_embeddings", "embeddings_path", "write_embeddings"],
            "merged_index": ["merge_indexes"],
            "mirror": ["Mirror", "NoMirror", "mirrored"],
            "pairs": ["FinishedPair", "PairStore", "keep_shard", "pairs_of_shard"],
            "sources": ["SourceBlock", "SourceBlocks"],
        },
    )

__all__ = [
    "BUILD",
    "DEAD_AFTER",
    "LOCK",
    "SUPERSEDED",
    "FinishedPair",
    "Mirror",
    "NoMirror",
    "Owner",
    "PairStore",
    "Seen",
    "Sign",
    "SourceBlock",
    "SourceBlocks",
    "Watch",
    "begin_folder",
    "check_claim",
    "check_claimed",
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
    "is_mirrored",
    "is_stats",
    "keep_shard",
    "mark_near_duplicates",
    "merge_indexes",
    "mirrored",
    "own_pairs",
    "owner_of",
    "pairs_of_shard",
    "read_shard",
    "read_shard_stats",
    "read_signs",
    "read_stats",
    "read_table",
    "remove_leftovers_of_killed",
    "remove_signs",
    "shard_number",
    "shard_path",
    "signing",
    "source_blocks",
    "stale_shards",
    "supersede_shards",
    "write_embeddings",
    "write_shard",
]
