"""Classical augmentation: each image on its own, soft labels that say what is in the image."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import v2

from benchmarks.few_shot.classical import blend, mixed, strong, weak


def _flat(values: list[int]) -> torch.Tensor:
    """Images of one colour each, ``(M, 3, 64, 64)`` uint8."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 64, 64)


def test_views_keep_shape_and_dtype_and_differ() -> None:
    image = torch.randint(256, (1, 3, 64, 64), dtype=torch.uint8).expand(6, -1, -1, -1)
    for views in (weak, strong, mixed):
        made = views(image)
        assert made.shape == (6, 3, 64, 64)
        assert made.dtype == torch.uint8
        assert len({bytes(view.numpy().tobytes()) for view in made}) == 6


def test_weak_keeps_colours_and_mixed_alternates() -> None:
    red = torch.zeros(40, 3, 64, 64, dtype=torch.uint8)
    red[:, 0] = 200
    assert torch.equal(weak(red), red)  # crops and flips of one colour
    changed = (strong(red) != red).flatten(1).any(1)
    assert changed.float().mean() > 0.5
    changed = (mixed(red) != red).flatten(1).any(1)
    assert not changed[::2].any()
    assert changed[1::2].float().mean() > 0.5


@pytest.mark.parametrize("mixer", [v2.MixUp, v2.CutMix])
def test_soft_labels_are_the_shares_of_the_images(mixer: type[v2.MixUp | v2.CutMix]) -> None:
    # The colour of image m is 50 m, and so is its label's: the mean colour gives the shares away.
    labels = torch.arange(5)
    images, soft = blend(mixer, _flat([0, 50, 100, 150, 200]), labels, 5)
    assert images.dtype == torch.uint8
    assert soft.sum(1) == pytest.approx(torch.ones(5))
    means = images.float().mean((1, 2, 3))
    assert means == pytest.approx(soft @ (50.0 * labels), abs=0.51)
    if mixer is v2.CutMix:
        assert set(images.unique().tolist()) <= {0, 50, 100, 150, 200}


@pytest.mark.parametrize("mixer", [v2.MixUp, v2.CutMix])
def test_no_image_meets_itself_and_all_meet_once(mixer: type[v2.MixUp | v2.CutMix]) -> None:
    labels = torch.arange(8)
    _, soft = blend(mixer, _flat([0] * 8), labels, 8)
    partners = soft.clone()
    partners[labels, labels] = 0
    assert ((partners > 0).sum(1) <= 1).all()
    assert ((partners > 0).sum(0) <= 1).all()
    assert soft.diagonal().unique().numel() > 4  # each pair has its own share
