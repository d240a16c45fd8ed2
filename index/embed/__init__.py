"""Images to vectors, and where the classes lie among them.

Backbones turn images into unit-norm embeddings, a cache keeps them, and a FAISS index with the
centroids of the classes searches them: FAISS proposes, the exact embeddings decide. Knows no
diffusion model and no noise ratio.
"""

from .backbone import BACKBONE_HELP, Backbone, ModuleBackbone, load_backbone
from .cache import CachedBackbone
from .centroids import Centroids
from .checkpoints import read_checkpoint
from .distances import DUPLICATE_SIMILARITY, Distances, distances
from .embedding_index import EmbeddingIndex
from .networks import UNISIAM, Network, unisiam_encoder, unisiam_preprocess
from .search import Doubles, Embeddings, Integers, inner_products, nearest
from .vectors import FLAT, VectorIndex, share_found

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
    "inner_products",
    "load_backbone",
    "nearest",
    "read_checkpoint",
    "share_found",
    "unisiam_encoder",
    "unisiam_preprocess",
]
