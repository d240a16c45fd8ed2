"""The demo's training without labels."""

import math

import pytest
import torch
from torch import Tensor, nn

from index.demo.cutouts import Cutouts
from index.demo.scenes import BASE_CLASSES, Scenes
from index.train.models import SmallResNet
from index.train.unisiam import UniSiam


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
