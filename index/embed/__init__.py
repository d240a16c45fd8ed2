"""Images to vectors, and where the classes lie among them.

Backbones turn images into unit-norm embeddings, a cache keeps them, and a FAISS index with the
centroids of the classes searches them. Knows no diffusion model and no noise ratio.
"""

from typing import TYPE_CHECKING

from index.lazy import lazy_members

from .distances import DUPLICATE_SIMILARITY, Distances, distances

if TYPE_CHECKING:
    from .backbone import BACKBONE_HELP, Backbone, ModuleBackbone, load_backbone
    from .cache import CachedBackbone
    from .centroids import Centroids, Doubles, Embeddings, Integers
    from .embedding_index import EmbeddingIndex
    from .networks import UNISIAM, Network, unisiam_encoder, unisiam_preprocess
    from .vectors import FLAT, VectorIndex
else:
    __getattr__ = lazy_members(
        __name__,
        {
            "backbone": ["BACKBONE_HELP", "Backbone", "ModuleBackbone", "load_backbone"],
            "cache": ["CachedBackbone"],
            "centroids": ["Centroids", "Doubles", "Embeddings", "Integers"],
            "embedding_index": ["EmbeddingIndex"],
            "networks": ["UNISIAM", "Network", "unisiam_encoder", "unisiam_preprocess"],
            "vectors": ["FLAT", "VectorIndex"],
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
    "Integers",
    "ModuleBackbone",
    "Network",
    "VectorIndex",
    "distances",
    "load_backbone",
    "unisiam_encoder",
    "unisiam_preprocess",
]
