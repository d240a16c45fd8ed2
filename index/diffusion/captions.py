"""Captions of the source images: from a file, or from BLIP, which writes one."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm
from transformers import BlipForConditionalGeneration, BlipProcessor

from index.diffusion.weights import ModelError
from index.whole import write_json

_BLOCK = 16  # images that BLIP sees together
_WORDS = 30  # tokens of a caption at most; BLIP was trained on sentences of about ten words


def read_captions(path: Path, ids: Sequence[str]) -> list[str]:
    """Read what each image shows.

    Args:
        path: A .json file, `{"dog/1.jpg": "a brown dog on grass"}`, or a .csv file with the columns
            id and caption. It may mention other images.
        ids: The images, as the bank names them: paths below the source's folder, or row numbers.

    Returns:
        A caption for each image, in order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind or shape, captions an image twice, or not at all.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no captions at {path}; --captioner MODEL writes them")
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(f"captions are a .json or .csv file, got {path}")
    known: dict[str, str] = {}
    for name, caption in readers[path.suffix](path):
        if name in known:
            raise ValueError(f"{path} captions {name!r} twice")
        known[name] = " ".join(caption.split())
    missing = [name for name in ids if not known.get(name)]
    if missing:
        raise ValueError(
            f"{path} has no caption for {len(missing)} of {len(ids)} images, such as "
            f"{missing[:3]}; it has {list(known)[:3]}"
        )
    return [known[name] for name in ids]


def _read_json(path: Path) -> Iterable[tuple[str, str]]:
    try:  # as pairs, for a dict would swallow an image that is captioned twice
        pairs = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        match pair:
            case (str(name), str(caption)):
                yield name, caption
            case _:
                raise ValueError(f'{path}: expected {{"image": "caption", …}}, found {pair!r}')


def _read_csv(path: Path) -> Iterable[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"id", "caption"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} needs the columns id and caption, has {rows.fieldnames}")
        for row in rows:
            yield row["id"], row["caption"] or ""


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
