"""Captions of the source images: from a file, or from BLIP, which writes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm
from transformers import BlipForConditionalGeneration, BlipProcessor

from genie_transforms.format import write_json
from index.diffusion import ModelError

_BLOCK = 16  # images that BLIP sees together


_WORDS = 30  # tokens of a caption at most; BLIP was trained on sentences of about ten words


def write_captions(
    path: Path, model: str, ids: Sequence[str], images: Iterable[Image.Image], device: str = "cpu"
) -> None:
    """Let BLIP caption images, each by its most probable words, and write a json file.

    Args:
        path: The file, .json.
        model: A folder or hub id of BLIP, such as Salesforce/blip-image-captioning-base.
        ids: Names of the images.
        images: RGB, in the order of `ids`; read one after the other.
        device: Where BLIP runs.

    Raises:
        ModelError: There is no such model, or it is another.
        ValueError: `path` is of another kind, or an image got no words.
    """
    if path.suffix != ".json":
        raise ValueError(f"a captioner writes a .json file, got {path}")
    processor, blip = _open(model, device)
    captions: dict[str, str] = {}
    block: dict[str, Image.Image] = {}
    for number, (name, image) in enumerate(
        tqdm(zip(ids, images, strict=True), "captions", len(ids), unit="image", disable=None), 1
    ):
        block[name] = image
        if len(block) == _BLOCK or number == len(ids):
            words = _captioned(processor, blip, list(block.values()))
            captions |= dict(zip(block, words, strict=True))
            block = {}
    silent = [name for name, caption in captions.items() if not caption]
    if silent:
        raise ValueError(f"{model} has no words for {silent[:3]}: write their captions yourself")
    write_json(path, captions)


def _open(model: str, device: str) -> tuple[Any, Any]:
    try:
        processor = BlipProcessor.from_pretrained(model)
        blip, info = BlipForConditionalGeneration.from_pretrained(model, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"--captioner {model} cannot be opened as a BLIP: {error}") from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise ModelError(f"--captioner {model} is no captioning BLIP: it lacks {missing}, …")
    return processor, blip.to(device).eval()


@torch.inference_mode()
def _captioned(processor: Any, blip: Any, images: list[Image.Image]) -> list[str]:
    inputs = processor(images=images, return_tensors="pt").to(blip.device)
    written = blip.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=_WORDS)
    texts = processor.batch_decode(written, skip_special_tokens=True)
    return [" ".join(text.split()) for text in texts]
