"""The demo's training without labels."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from index.demo.models import SmallResNet
from index.demo.scenes import BASE_CLASSES, Scenes
from index.demo.unisiam import Cutouts, UniSiam


@pytest.fixture(scope="module")
def cutouts() -> Cutouts:
    return Cutouts.of(Scenes(num_per_class=4, classes=BASE_CLASSES, seed=3).params)


def test_loss_is_the_papers_on_given_projections() -> None:
    model = UniSiam(nn.Flatten(), 2, num_projected=2, uniformity=0.1, temperature=2.0)
    model.proj, model.pred = nn.Sequential(), nn.Sequential()
    first = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    second = torch.tensor([[0.0, 1.0], [0.0, 5.0]])
    # Unit vectors: e0, e1 | e1, e1. Alignment: 0 for the first image, 1 for the second.
    # Other images of e0: e1 and e1, of every e1: one e0 and one e1, or two at a right angle.
    kernels = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0]]
    uniformity = math.log(sum(math.exp(k / 2) for row in kernels for k in row) / 8)
    assert model(first, second).item() == pytest.approx(-0.5 + 0.1 * uniformity, abs=1e-6)


def test_targets_pass_no_gradient() -> None:
    model = UniSiam(nn.Flatten(), 3, num_projected=4, uniformity=0.0)
    model.pred = nn.Sequential(nn.Linear(4, 4))
    nn.init.zeros_(model.pred[0].weight)
    nn.init.ones_(model.pred[0].bias)
    model(torch.randn(8, 3), torch.randn(8, 3)).backward()
    gradients = [p.grad for p in model.proj.parameters() if p.grad is not None]
    assert all(gradient.abs().max() == 0 for gradient in gradients)


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


def test_training_brings_views_of_one_object_together(cutouts: Cutouts) -> None:
    torch.manual_seed(0)
    model = UniSiam(SmallResNet(width=8), 64, num_projected=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses: list[Tensor] = []
    for step in range(25):
        rng = torch.Generator().manual_seed(step)
        rows = torch.randint(32, (32,), generator=rng)
        loss = model(*(cutouts.views(rows, 0.0, rng) for _ in range(2)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    assert torch.stack(losses[-5:]).mean() < torch.stack(losses[:5]).mean() - 0.1
