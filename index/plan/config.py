"""The settings that decide which pairs a build makes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from index.kinds import check_kinds, check_range

from .pairs import MOST_PAIRS, parse_pairs


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Which pairs of image and target are made, and in which shards.

    Attributes:
        source: Images: a folder with one folder a class, torchvision:CLASS:ROOT, hf:NAME[:SPLIT],
            parquet or tar files, or a list of images; empty for the demo's scenes.
        image_root: Folder of the images of a list, if it is not the list's own.
        class_names: Display names and superclasses, json or csv; if empty, folder names.
        prompts: File of prompts, json: {"class": ["prompt", …], …}, as a language model writes;
            each pair takes one of its target's by its seed. A class that it lacks is refused,
            unless --prompt-templates are given for it.
        pairs: Which classes meet: all; random:K others for each image; the nearest:K targets; or
            confusion:K, as sources the K classes most confused with each target.
        confusion: Matrix for confusion:K, npy or csv; if empty, by nearest neighbours.
        per_class: At most this many pairs of each target; 0 for no limit.
        only_classes: Targets, by name; all if empty.
        max_class_size: Only targets with at most this many images (long tail); 0 for no limit.
        variations: How often each pair is made, with other noise.
        max_pairs: At most this many pairs, balanced over the classes; 0 for no limit.
        pairs_per_shard: Pairs of one shard, the unit of resuming; 0 for 50, and in plans of more
            than 10,000 pairs for half the root of their number.
    """

    source: str = ""
    image_root: str = ""
    class_names: str = ""
    prompts: str = ""
    pairs: str = "all"
    confusion: str = ""
    per_class: int = 0
    only_classes: tuple[str, ...] = ()
    max_class_size: int = 0
    variations: int = 1
    max_pairs: int = 0
    pairs_per_shard: int = 0

    def __post_init__(self) -> None:
        check_kinds(self)
        parse_pairs(self.pairs)
        check_range(self, ["variations"], 1, MOST_PAIRS)
        check_range(self, ["pairs_per_shard"], 0, MOST_PAIRS, hint="0 is what suits the plan")
        check_range(self, ["per_class", "max_class_size", "max_pairs"], 0, hint="0 is no limit")


PLAN_FIELDS = frozenset(field.name for field in fields(PlanConfig))
"""Fields that decide which pairs there are, not what a pair is: they may change as a bank grows."""
