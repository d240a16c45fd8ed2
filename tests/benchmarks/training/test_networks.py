"""Networks by name, and checkpoints that they begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.training import make_network
from genie_transforms import MissingFileError, UserError


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        # By hand: stem 3*16*9 + 32, then 16-16, 16-32, 32-64, 64-128 blocks, head 128*5 + 5
        ("resnet10", 464 + 4672 + 14528 + 57728 + 230144 + 645),
        # He et al., 2016: 0.27 M and 0.46 M, with projections where the width doubles
        ("resnet20", 274_293 - 175),
        ("resnet32", 468_725 - 175),
    ],
)
def test_small_networks_have_their_published_size(model: str, parameters: int) -> None:
    network = make_network(model, 5)
    count = sum(value.numel() for value in network.parameters())
    assert count == pytest.approx(parameters, rel=0.02)
    assert network(torch.zeros(2, 3, 28, 28)).shape == (2, 5)


def test_a_checkpoint_of_other_classes_gives_all_but_the_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old = make_network("torchvision:squeezenet1_1", 4)
    path = tmp_path / "old.pt"
    torch.save({"model": old.state_dict()}, path)
    new = make_network("torchvision:squeezenet1_1", 6, str(path))
    assert torch.equal(new.state_dict()["features.0.weight"], old.state_dict()["features.0.weight"])
    assert new.state_dict()["classifier.1.bias"].shape == (6,)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown model 'resnet11'; choose resnet10"):
        make_network("resnet11", 3)
    with pytest.raises(MissingFileError, match=r"no weights at .*none\.pt"):
        make_network("resnet10", 3, str(tmp_path / "none.pt"))
    torch.save(make_network("resnet20", 3).state_dict(), tmp_path / "other.pt")
    with pytest.raises(UserError, match="is no checkpoint of this network"):
        make_network("resnet10", 3, str(tmp_path / "other.pt"))
