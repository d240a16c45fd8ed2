"""What holds of every backbone."""

import numpy as np
from torch import Tensor

from index.embed.backbone import load_backbone


def check_embeddings(spec: str, images: Tensor, dimension: int) -> np.ndarray:
    """Check what holds of every backbone, and return its embeddings of three images."""
    backbone = load_backbone(spec)
    embedded = backbone(images)
    assert embedded.shape == (3, dimension)
    assert backbone.dimension == dimension
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(backbone(images[1:2]), embedded[1:2], atol=1e-4)
    assert np.abs(embedded[0] - embedded[1]).max() > 1e-4
    assert load_backbone(spec).fingerprint() == backbone.fingerprint()
    return embedded
