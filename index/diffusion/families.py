"""The known families of diffusion models, and the function that opens one.

A new family is one file with one subclass of `Family`, and one line in `FAMILIES`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline

from index.loading import quiet_loading

from .family import Family
from .sd3 import StableDiffusion3
from .sdxl import StableDiffusionXL
from .speed import Switches, apply_switches
from .stable_diffusion import StableDiffusion
from .text_weights import load_text_weights
from .weights import ModelError, check_lora, fuse_lora, locate, read_index

FAMILIES: dict[str, type[Family]] = {
    "StableDiffusionPipeline": StableDiffusion,
    "StableDiffusionImg2ImgPipeline": StableDiffusion,
    "StableDiffusionXLPipeline": StableDiffusionXL,
    "StableDiffusionXLImg2ImgPipeline": StableDiffusionXL,
    "StableDiffusion3Pipeline": StableDiffusion3,
    "StableDiffusion3Img2ImgPipeline": StableDiffusion3,
}
"""Pipeline class named in `model_index.json` -> its family."""


_MIRRORS = {"runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5"}
"""Hub ids that papers and tutorials still name, but that were deleted -> where the weights are."""


_RELEASE = tuple(int(part) for part in diffusers.__version__.split(".")[:2])
_DTYPE = "dtype" if _RELEASE >= (0, 40) else "torch_dtype"
"""What `from_pretrained` calls the precision; the old name is deprecated since the new one came."""


_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@quiet_loading()
def load_family(
    model: str,
    *,
    revision: str | None = None,
    variant: str | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    scheduler: str | None = None,
    lora: str | None = None,
    safety_checker: bool = False,
    switches: Switches | None = None,
) -> Family:
    """Open a diffusion model and detect its family.

    Args:
        model: A local folder with `model_index.json`, or a hub id.
        revision: Revision of a hub model.
        variant: Weight variant, such as fp16.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:1, …
        scheduler: See `Family`.
        lora: Folder, file or hub id of LoRA weights, fused into the model.
        safety_checker: Keep the pipeline's safety checker, if it has one, for `Family.flagged`.
        switches: Memory and speed; none if not given.

    Raises:
        ModelError: The model does not exist, is of an unknown family or cannot be used as asked.
        MissingFileError: There are no such LoRA weights.
        MissingPackageError: There are LoRA weights, but peft is missing.
    """
    # All that can be refused is refused before weights are downloaded or read.
    if model.rstrip("/") in _MIRRORS:
        raise ModelError(
            f"{model} was deleted from the hub; its mirror is {_MIRRORS[model.rstrip('/')]}"
        )
    if dtype not in _DTYPES:
        raise ModelError(f"dtype must be one of {', '.join(_DTYPES)}, got {dtype!r}")
    if switches is not None:
        switches.check(device)
    if lora is not None:
        check_lora(lora)
    index = read_index(model, revision)
    family = _family_class(model, str(index.get("_class_name")))
    folder, identity = locate(model, revision, variant)
    # Passed as None, or diffusers asks for what the index lists as left out, such as SD 3's T5.
    absent = {name: None for name, part in index.items() if part == [None, None]}
    if not safety_checker and "safety_checker" in index:
        absent["safety_checker"] = None
    precision = {_DTYPE: _DTYPES[dtype]}
    try:
        pipeline = DiffusionPipeline.from_pretrained(folder, variant=variant, **precision, **absent)
    except (OSError, ValueError) as error:  # such as files of a variant that are not there
        raise ModelError(f"{model} cannot be opened, variant {variant}: {_line(error)}") from error
    if variant is None:
        load_text_weights(pipeline, Path(folder))
    if lora is not None:
        identity |= fuse_lora(pipeline, lora)
    return _open(family, pipeline, {"model": model, **identity}, scheduler, switches, device)


def family_of(
    pipeline: Any, name: str, *, device: str = "cpu", switches: Switches | None = None
) -> Family:
    """Take a pipeline that was made in this process as a model.

    Args:
        pipeline: One of diffusers' pipelines that `FAMILIES` names.
        name: What its fingerprint calls it: it has no files to be known by.
        device: See `load_family`.
        switches: Memory and speed; none if not given.

    Raises:
        ModelError: It is of an unknown family, or cannot be used as asked.
    """
    if switches is not None:
        switches.check(device)
    family = _family_class(name, type(pipeline).__name__)
    return _open(family, pipeline, {"model": name}, None, switches, device)


def _open(
    family: type[Family],
    pipeline: Any,
    identity: dict[str, Any],
    scheduler: str | None,
    switches: Switches | None,
    device: str,
) -> Family:
    opened = family(pipeline, identity, scheduler)
    apply_switches(opened, switches or Switches(), torch.device(device))
    return opened


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _family_class(model: str, pipeline_class: str) -> type[Family]:
    if pipeline_class not in FAMILIES:
        raise ModelError(
            f"{model} is a {pipeline_class}, which no family knows; known: {', '.join(FAMILIES)}"
        )
    return FAMILIES[pipeline_class]
