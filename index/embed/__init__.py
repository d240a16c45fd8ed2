"""Images to vectors, and where the classes lie among them.

Backbones turn images into unit-norm embeddings, a cache keeps them, and a FAISS index with the
centroids of the classes searches them: FAISS proposes, the exact embeddings decide. Knows no
diffusion model and no noise ratio.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .distances import DUPLICATE_SIMILARITY, Distances, distances

if TYPE_CHECKING:
    from .backbone import (
        BACKBONE_HELP,
        Backbone,
        FunctionBackbone,
        ModuleBackbone,
        load_backbone,
    )
    from .cache import CachedBackbone
    from .centroids import Centroids
    from .checkpoints import load_body, read_checkpoint
    from .embedding_index import EmbeddingIndex
    from .huggingface import open_transformers
    from .networks import (
        UNISIAM,
        Network,
        about_transforms,
        timm_network,
        torchvision_model,
        unisiam_encoder,
        unisiam_preprocess,
    )
    from .own import find_own, own_network, source_sha256
    from .search import Doubles, Embeddings, Integers, inner_products, nearest
    from .vectors import FLAT, VectorIndex, share_found
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "backbone": [
                *("BACKBONE_HELP", "Backbone", "FunctionBackbone", "ModuleBackbone"),
                "load_backbone",
            ],
            "cache": ["CachedBackbone"],
            "centroids": ["Centroids"],
            "checkpoints": ["load_body", "read_checkpoint"],
            "embedding_index": ["EmbeddingIndex"],
            "huggingface": ["open_transformers"],
            "networks": [
                *("UNISIAM", "Network", "about_transforms", "timm_network", "torchvision_model"),
                *("unisiam_encoder", "unisiam_preprocess"),
            ],
            "own": ["find_own", "own_network", "source_sha256"],
            "search": ["Doubles", "Embeddings", "Integers", "inner_products", "nearest"],
            "vectors": ["FLAT", "VectorIndex", "share_found"],
        },
    )

__all__ = [
    "BACKBONE_HELP",
    "DUPLICATE_SIMILARITY",
    "FLAT",
    "UNISIAM",
    "Backbone",
    "CachedBackbone",
    "Centroids",
    "Distances",
    "Doubles",
    "EmbeddingIndex",
    "Embeddings",
    "FunctionBackbone",
    "Integers",
    "ModuleBackbone",
    "Network",
    "VectorIndex",
    "about_transforms",
    "distances",
    "find_own",
    "inner_products",
    "load_backbone",
    "load_body",
    "nearest",
    "open_transformers",
    "own_network",
    "read_checkpoint",
    "share_found",
    "source_sha256",
    "timm_network",
    "torchvision_model",
    "unisiam_encoder",
    "unisiam_preprocess",
]
