"""Open what a build is made of, and refuse what cannot be built before a model is loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from genie_transforms import UserError
from index.config import BuildConfig, check_only_classes
from index.demo import PIPELINE
from index.device import choose_device
from index.diffusion import Family
from index.embed import Backbone, VectorIndex, load_backbone
from index.plan import read_confusion
from index.sources import Source, open_source
from index.store import check_folder

from .prompts import Prompts, make_build_prompts

logger = logging.getLogger("genie.build")


@dataclass(frozen=True)
class Opened:
    """What a build is made of.

    Attributes:
        config: The build, as the user gave it, but for what is chosen here: the device.
        source: The source images.
        prompts: The prompts, as far as they can be made without a model.
        confusion: The user's confusion matrix, ``(C, C)`` float64, if there is one.
        backbone: Embeds images.
        family: The diffusion model.
    """

    config: BuildConfig
    source: Source
    prompts: Prompts
    confusion: npt.NDArray[np.float64] | None
    backbone: Backbone
    family: Family


def open_build(config: BuildConfig) -> Opened:
    """Open source, backbone and diffusion model, the largest last.

    Raises:
        FolderInUseError: The bank's folder holds something else.
        MissingFileError: A file or folder that a setting names is not there.
        ModelError: The diffusion model cannot be opened.
        UserError: A setting cannot be used, alone or with these images.
    """
    check_folder(config.out)
    check_factory(config.index_factory)
    source = open_source(config.source)
    config = replace(config, device=choose_device(config.device))
    check_only_classes(config.only_classes, source.class_names)
    confusion = _read_confusion(config, source)
    prompts = make_build_prompts(config, source)
    if config.source and not config.model:
        logger.warning("the demo's model draws nothing but shapes: for photographs give --model")
    backbone = load_backbone(config.backbone, device=config.device)
    VectorIndex(backbone.dimension, config.index_factory)  # refuses what this dimension cannot take
    return Opened(config, source, prompts, confusion, backbone, config.open_family(PIPELINE))


def check_factory(factory: str) -> None:
    """Refuse a `--index-factory` that FAISS cannot make for embeddings of any dimension.

    Raises:
        UserError: FAISS does not know it, or cannot use it with the inner product.
    """
    try:
        faiss.index_factory(64, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        # The backbone, and so the dimension, is not known yet: PQ48 is wrong for the 64 tried here
        # and right for 768. FAISS says so by the divisibility that failed.
        if "%" not in str(error):
            reason = str(error).rsplit(": ", 1)[-1]
            raise UserError(
                f"FAISS knows no index {factory!r} for inner products ({reason}); --index-factory "
                "is Flat, which is exact, or such as HNSW32 or IVF4096,PQ64"
            ) from error


def _read_confusion(config: BuildConfig, source: Source) -> npt.NDArray[np.float64] | None:
    if not (config.confusion and config.pairs.startswith("confusion")):
        return None
    return read_confusion(Path(config.confusion), source.class_names)
