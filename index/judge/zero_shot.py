"""CLIP and SigLIP as judges: they compare an image with the text of each of the bank's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoTokenizer

from genie_transforms import MissingFileError, UserError
from index.embed import Network, open_transformers
from index.loading import quiet_loading


@quiet_loading()
def open_zero_shot(spec: str, prompts: Sequence[str]) -> Network:
    """Open a model with a tower for images and one for texts, a folder or hub id.

    Its logits are the cosines of the two, times the temperature that it was trained with; SigLIP's
    bias, the same for all classes, does not change which is most probable among them.

    Args:
        spec: The model.
        prompts: One text for each class.

    Raises:
        UserError: The model has no tower for texts, or lacks weights.
        MissingFileError: There is no such model, or it has no tokenizer.
    """
    network = open_transformers(spec)
    model: Any = network.module.model
    if not hasattr(model, "get_text_features"):
        raise UserError(f"clip:{spec} has no tower for texts: give it as transformers:{spec}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec)
    except (OSError, ValueError) as error:
        raise MissingFileError(f"cannot open the tokenizer of clip:{spec}: {error}") from error
    most = model.config.text_config.max_position_embeddings
    # SigLIP was trained on texts that are padded to its full length.
    siglip = "siglip" in model.config.model_type
    padding = {"padding": "max_length", "max_length": most} if siglip else {"padding": True}
    tokens = tokenizer(list(prompts), return_tensors="pt", **padding)
    if tokens["input_ids"].shape[1] > most:
        raise UserError(f"a prompt has more than the {most} tokens that clip:{spec} reads")
    with torch.inference_mode():
        found = model.eval().get_text_features(**tokens)
    # transformers 4 returns the tensor itself.
    texts = found if isinstance(found, Tensor) else found.pooler_output
    module = _Compared(network.module, F.normalize(texts, dim=1).clone(), model.logit_scale.exp())
    return Network(module, network.preprocess, f"{network.preprocessing} {list(prompts)}")


class _Compared(nn.Module):
    """Images to their cosines with some texts, scaled."""

    texts: Tensor
    scale: Tensor

    def __init__(self, images: nn.Module, texts: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.images = images
        self.register_buffer("texts", texts)
        self.register_buffer("scale", scale.detach().clone())

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, C)``."""
        return self.scale * F.normalize(self.images(pixels), dim=1) @ self.texts.T
