"""Backbones from `transformers`: DINOv2 and v3, CLIP, SigLIP, ViT, DeiT, MAE, ResNet, …."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoModel

from genie_transforms import MissingFileError, UserError
from index.loading import quiet_loading

from .networks import Network


class TransformersFeatures(nn.Module):
    """One vector for each image from any vision model of `transformers`.

    CLIP and SigLIP: the image in the common space of images and texts. Others: what the model
    pools; the class token where pooling is another layer made for another task (ViT, DeiT), or
    is not done (MAE).

    Args:
        model: The model; of one with two towers, the one for images is used.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.is_masked = model.config.model_type == "vit_mae"
        self.pools = not hasattr(getattr(model, "pooler", None), "dense")
        # Such a pooler is seldom saved, so made at random: it would change the fingerprint.
        if not self.pools:
            model.pooler = None
        if self.is_masked:
            model.config.mask_ratio = 0.0

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features ``(N, D)`` of preprocessed images."""
        if hasattr(self.model, "get_image_features"):
            output = self.model.get_image_features(pixel_values=pixels)
            # transformers 4 returns the tensor itself.
            projected: Tensor = output if isinstance(output, Tensor) else output.pooler_output
            return projected
        if self.is_masked:
            # The model shuffles its patches by this noise: ascending noise keeps their order.
            patches = self.model.embeddings.patch_embeddings.num_patches
            order = torch.arange(patches, device=pixels.device).float().expand(len(pixels), -1)
            output = self.model(pixel_values=pixels, noise=order)
        else:
            output = self.model(pixel_values=pixels)
        pooled = getattr(output, "pooler_output", None)
        if self.pools and pooled is not None:
            return torch.flatten(pooled, 1)
        last: Tensor = output.last_hidden_state
        return last.mean((2, 3)) if last.ndim == 4 else last[:, 0]


@quiet_loading()
def open_transformers(spec: str) -> Network:
    """Open a vision model of `transformers`, a folder or hub id, with its image processor.

    Raises:
        UserError: Weights that are used here are missing; names them.
        MissingFileError: There is no such model, or it has no image processor.
    """
    try:
        model, info = AutoModel.from_pretrained(spec, output_loading_info=True)
        processor = AutoImageProcessor.from_pretrained(spec)
    except OSError as error:
        raise MissingFileError(f"cannot open transformers:{spec}: {error}") from error
    # The pooler of ViT and DeiT is not used (see TransformersFeatures).
    missing = sorted(k for k in info["missing_keys"] if not k.startswith("pooler.dense."))
    if missing:
        raise UserError(f"transformers:{spec} lacks {len(missing)} weights: {missing[:5]}")

    def preprocess(images: Tensor) -> Tensor:
        pixels: Tensor = processor(images=list(images), return_tensors="pt")["pixel_values"]
        return pixels

    return Network(TransformersFeatures(model), preprocess, processor.to_json_string())
