"""Open what a build is made of, and refuse what cannot be built before a model is loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import faiss
import numpy as np
import numpy.typing as npt

from genie_transforms import MissingFileError, UserError
from index.config import BuildConfig, check_only_classes
from index.demo import PIPELINE
from index.device import choose_device
from index.diffusion import Family, read_index
from index.embed import BACKBONE_HELP, Backbone, VectorIndex, load_backbone
from index.plan import read_confusion
from index.sources import LabelledImages, Source, open_source, source_of
from index.store import check_folder, check_free

from .prompts import Prompts, make_build_prompts
from .unused import check_unused

logger = logging.getLogger("genie.build")

DEFAULT_BACKBONE = "torchvision:resnet50"
"""What embeds images that are not the demo's, if nothing else is asked for."""


@dataclass(frozen=True)
class Opened:
    """What a build is made of.

    Attributes:
        given: The build, as the user gave it.
        config: The same with the device and the backbone chosen.
        source: The source images.
        prompts: The prompts, as far as they can be made without a model.
        confusion: The user's confusion matrix, ``(C, C)`` float64, if there is one.
        backbone: Embeds images.
        family: The diffusion model.
    """

    given: BuildConfig
    config: BuildConfig
    source: Source
    prompts: Prompts
    confusion: npt.NDArray[np.float64] | None
    backbone: Backbone
    family: Family


def open_build(
    given: BuildConfig, dataset: LabelledImages | None = None, *, for_owner: bool = False
) -> Opened:
    """Open source, backbone and diffusion model, the largest last.

    Args:
        given: The build, as the user gave it.
        dataset: Source images in place of `given.source`.
        for_owner: This process works for the one that owns the folder.

    Raises:
        FolderInUseError: The bank's folder holds something else, or somebody builds in it.
        MissingFileError: A file or folder that a setting names is not there.
        ModelError: The diffusion model cannot be opened.
        UserError: A setting cannot be used, alone or with these images.
    """
    for name, folder in (("--out", given.folder), ("--cache", given.cache)):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UserError(f"{name} {folder} is a file, and must be a folder, or not there yet")
    config = replace(given, device=choose_device(given.device))
    check_folder(config.folder)
    if not for_owner:
        check_free(config.folder)
        check_unused(config)
    check_factory(config.index_factory)
    check_apart(config)
    if dataset is None:
        source = open_source(config.source, config.image_root)
    else:
        if given_too := config.source or config.image_root:
            raise UserError(f"give a dataset or BuildConfig.source, got also {given_too!r}")
        source = source_of(dataset)
        # Not the demo's scenes, whatever else is left at its default.
        config = replace(config, source=f"{type(dataset).__module__}.{type(dataset).__qualname__}")
    check_only_classes(config.only_classes, source.class_names)
    confusion = _read_confusion(config, source)
    prompts = make_build_prompts(config, source)
    config = replace(config, backbone=choose_backbone(config))
    if config.model:
        read_index(config.model, config.revision)  # is it there at all? before a backbone comes
    if config.source and not config.model:
        logger.warning("the demo's model draws nothing but shapes: for photographs give --model")
    backbone = _open_backbone(config, chosen=not given.backbone)
    VectorIndex(backbone.dimension, config.index_factory)  # refuses what this dimension cannot take
    return Opened(given, config, source, prompts, confusion, backbone, config.open_family(PIPELINE))


def check_apart(config: BuildConfig) -> None:
    """Refuse to write into the folder of the images, where the next run would find a class.

    Raises:
        UserError: `out` or `cache` is within `source`.
    """
    folder = Path(config.source)
    if not config.source or not folder.is_dir():
        return
    there = urlsplit(config.uri or "")
    out = Path(url2pathname(there.path)) if there.scheme == "file" else config.folder
    for name, inside in (("--out", out), ("--cache", config.cache)):
        if inside is not None and inside.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"{name} {inside} lies within --source {folder}, where the next run would take it "
                "for a class: give another folder"
            )


def choose_backbone(config: BuildConfig) -> str:
    """Return the backbone that was asked for, or else one that knows such images.

    The demo's knows shapes of 64 pixels. It is taken for the demo alone, unless it is asked for.
    """
    if config.backbone == "demo" and not config.is_demo:
        logger.warning(
            "--backbone demo knows nothing but 64-pixel shapes, and decides r*, on_target and what "
            "the default filter keeps: for photographs leave --backbone out, or give %s",
            BACKBONE_HELP.removeprefix("demo, "),
        )
    return config.backbone or ("demo" if config.is_demo else DEFAULT_BACKBONE)


def _open_backbone(config: BuildConfig, *, chosen: bool) -> Backbone:
    """Open the backbone; if nobody asked for it and it is not there, say how to ask for another."""
    try:
        return load_backbone(config.backbone, device=config.device)
    except MissingFileError as error:
        if not chosen:
            raise
        raise MissingFileError(
            f"no --backbone was given, and {config.backbone} is not there: {error}; or give "
            "another, such as --backbone transformers:FOLDER"
        ) from error


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
