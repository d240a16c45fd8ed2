"""A head that begins at what a text encoder makes of the names of the classes."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.datasets import LabelledSet
from genie_transforms import UserError
from genie_transforms.format import atomic_path

from .config import CLASS_EMBEDDINGS, LongTailConfig


def write_class_embeddings(config: LongTailConfig, pool: LabelledSet) -> Path:
    """Write the embeddings of the classes below `config.work`, and return the file.

    Raises:
        UserError: The prompt has no place for a name, or there is no such text encoder.
    """
    path = config.work / CLASS_EMBEDDINGS
    if path.exists():
        return path
    if "{}" not in config.prompt:
        raise UserError(f"--prompt must hold {{}} for the name of the class, got {config.prompt!r}")
    prompts = [config.prompt.format(name.display) for name in pool.names]
    with atomic_path(path) as temporary:
        save_file({"classes": embed_prompts(config.text_encoder, prompts)}, temporary)
    return path


@torch.inference_mode()
def embed_prompts(folder: str, prompts: list[str]) -> Tensor:
    """Return what CLIP's text tower makes of prompts, projected, ``(N, D)`` float32.

    Args:
        folder: Of transformers' CLIPTextModelWithProjection and its tokenizer.
        prompts: N of them.

    Raises:
        UserError: The folder holds no such model or tokenizer.
    """
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer

    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder)
        model, loaded = CLIPTextModelWithProjection.from_pretrained(
            folder, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        raise UserError(f"--text-encoder {folder} cannot be opened: {error}") from error
    if loaded["missing_keys"]:
        raise UserError(
            f"--text-encoder {folder} lacks {sorted(loaded['missing_keys'])[:3]}: it must be a "
            "CLIPTextModelWithProjection"
        )
    found = []
    for start in range(0, len(prompts), 256):
        texts = prompts[start : start + 256]
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        found.append(model.eval()(**tokens).text_embeds)
    return torch.cat(found).float()
