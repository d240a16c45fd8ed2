"""Features of the demo's encoder, image by image or together."""

from __future__ import annotations

import torch
from PIL import Image

from benchmarks.confounded.features import NUM_FEATURES, Features
from index.demo import Scenes, load_encoder


def test_features_are_those_of_the_encoder_at_one_length() -> None:
    pixels = Scenes(2, ["star", "fish"], seed=9).pixels(slice(None))
    features = Features()
    together = features.of(pixels)
    assert together.shape == (4, NUM_FEATURES)
    assert torch.allclose(together.norm(dim=1), torch.tensor(NUM_FEATURES**0.5))
    with torch.no_grad():
        direct = load_encoder()(pixels / 255)
    assert torch.allclose(together / 16, direct / direct.norm(dim=1, keepdim=True), atol=1e-5)
    image = Image.fromarray(pixels[1].permute(1, 2, 0).numpy())
    assert torch.allclose(features(image), together[1], atol=1e-4)
    assert features(image) is features(image.copy())  # once for each image
