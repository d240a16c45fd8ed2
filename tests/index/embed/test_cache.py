"""Embeddings kept on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from index.embed.backbone import Backbone
from index.embed.cache import CachedBackbone


class Counting(Backbone):
    """The mean colour, with a count of the images that it embedded."""

    name = "counting"
    dimension = 3
    num_embedded = 0

    def features(self, images: Tensor) -> Tensor:
        self.num_embedded += len(images)
        return images.float().mean((2, 3))

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name}


def test_the_cache_embeds_no_image_twice(tmp_path: Path) -> None:
    images = torch.randint(1, 255, (6, 3, 5, 5), dtype=torch.uint8)
    images[5] = images[0]
    plain, counting = Counting(), Counting()
    cached = CachedBackbone(counting, tmp_path)
    np.testing.assert_array_equal(cached(images[:3]), plain(images[:3]))
    np.testing.assert_array_equal(cached(images), plain(images))
    assert (counting.num_embedded, cached.num_hits, cached.num_misses) == (5, 4, 5)
    assert cached(images[:0]).shape == (0, 3)

    later = CachedBackbone(Counting(), tmp_path)  # another process
    np.testing.assert_array_equal(later(images.flip(0)), plain(images.flip(0)))
    assert (later.num_hits, later.num_misses) == (6, 0)
    assert later.fingerprint() == plain.fingerprint()
    assert not list(tmp_path.rglob("*.tmp"))


def test_another_backbone_has_another_cache(tmp_path: Path) -> None:
    images = torch.full((1, 3, 5, 5), 9, dtype=torch.uint8)
    CachedBackbone(Counting(), tmp_path)(images)
    other = Counting()
    other.name = "other weights"
    cached = CachedBackbone(other, tmp_path)
    cached(images)
    assert cached.num_misses == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_of_another_dimension_is_refused(tmp_path: Path) -> None:
    CachedBackbone(Counting(), tmp_path)(torch.ones(1, 3, 5, 5, dtype=torch.uint8))
    wrong = Counting()
    wrong.dimension = 4
    with pytest.raises(ValueError, match="has 4 dimensions: delete the file"):
        CachedBackbone(wrong, tmp_path)
