"""A captioner: BLIP writes the file of captions that `read_captions` reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm
from transformers import BlipForConditionalGeneration, BlipProcessor

from genie_transforms import UserError
from genie_transforms.format import write_json
from index.loading import quiet_loading

_BATCH_SIZE = 16
_MAX_TOKENS = 30  # of a caption; BLIP was trained on sentences of about ten words


def write_captions(
    path: Path, model: str, ids: Sequence[str], images: Iterable[Image.Image], device: str = "cpu"
) -> None:
    """Write what BLIP says about each image, word by word the most probable, into a file.

    Args:
        path: The .json file.
        model: A folder or hub id of BLIP, such as Salesforce/blip-image-captioning-base.
        ids: Names of the images.
        images: RGB, in the order of `ids`; read one after the other.
        device: Where BLIP runs.

    Raises:
        UserError: There is no such model, it is not a captioning BLIP, `path` is of another
            kind, or an image got no words.
    """
    if path.suffix != ".json":
        raise UserError(f"a captioner writes a .json file, got {path}")
    processor, blip = _open_blip(model, device)
    captions: dict[str, str] = {}
    batch: dict[str, Image.Image] = {}
    for number, (name, image) in enumerate(
        tqdm(zip(ids, images, strict=True), "captions", len(ids), unit="image", disable=None), 1
    ):
        batch[name] = image
        if len(batch) == _BATCH_SIZE or number == len(ids):
            words = _caption(processor, blip, list(batch.values()))
            captions |= dict(zip(batch, words, strict=True))
            batch = {}
    silent = [name for name, caption in captions.items() if not caption]
    if silent:
        raise UserError(f"{model} has no words for {silent[:3]}: write their captions yourself")
    write_json(path, captions)


@quiet_loading()
def _open_blip(model: str, device: str) -> tuple[Any, Any]:
    try:
        processor = BlipProcessor.from_pretrained(model)
        blip, info = BlipForConditionalGeneration.from_pretrained(model, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise UserError(f"--captioner {model} cannot be opened as a BLIP: {error}") from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise UserError(f"--captioner {model} is not a captioning BLIP: it lacks {missing}, …")
    return processor, blip.to(device).eval()


@torch.inference_mode()
def _caption(processor: Any, blip: Any, images: list[Image.Image]) -> list[str]:
    inputs = processor(images=images, return_tensors="pt").to(blip.device)
    written = blip.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=_MAX_TOKENS)
    texts = processor.batch_decode(written, skip_special_tokens=True)
    return [" ".join(text.split()) for text in texts]
