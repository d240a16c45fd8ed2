"""The demo's two views of one object."""

import pytest
import torch
from torch.nn import functional as F

from index.demo.cutouts import Cutouts
from index.demo.scenes import BASE_CLASSES, Scenes


@pytest.fixture(scope="module")
def cutouts() -> Cutouts:
    return Cutouts.of(Scenes(num_per_class=4, classes=BASE_CLASSES, seed=3).params)


def test_plain_views_are_white_objects_on_grey(cutouts: Cutouts) -> None:
    rng = torch.Generator().manual_seed(0)
    views = cutouts.views(torch.arange(16), 0.0, rng)
    assert views.shape == (16, 3, 64, 64)
    assert (views.amax(1) - views.amin(1)).max() < 1e-6  # no colour
    corners = views[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0.5).float().mean() > 0.8
    assert ((views > 0.6).float().mean((1, 2, 3)) > 0.01).all()


def test_full_views_change_colour_and_background_but_not_the_object(cutouts: Cutouts) -> None:
    rng = torch.Generator().manual_seed(0)
    rows = torch.zeros(64, dtype=torch.int64)
    views = cutouts.views(rows, 1.0, rng)
    assert views.min() >= 0
    assert views.max() <= 1 + 1e-6
    assert views.mean((2, 3)).std(0).min() > 0.08
    again = cutouts.views(rows, 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(views, again)


def test_backgrounds_hold_no_object(cutouts: Cutouts) -> None:
    scenes = Scenes(num_per_class=4, classes=BASE_CLASSES, seed=3)
    pixels, background = scenes.pixels(slice(None)), cutouts.backgrounds
    masks = torch.stack([scenes.mask(k) for k in range(len(scenes))])
    away = F.max_pool2d(masks[:, None].float(), 5, stride=1, padding=2)[:, 0] == 0
    change = (pixels.float() - background.float()).abs().amax(1)
    assert change[away].quantile(0.99) <= 1
    assert change[masks].mean() > 20
