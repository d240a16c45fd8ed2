"""Datasets of torchvision, by name."""

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import MissingFileError, UserError
from index.sources.open import open_source


def _write_idx(path: Path, array: np.ndarray) -> None:
    """Write the format of MNIST: magic number, sizes, bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_a_dataset_keeps_its_class_order(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    for part, shift in (("train", 0), ("t10k", 1)):
        labels = (np.arange(20) + shift) % 10
        _write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
        _write_idx(raw / f"{part}-images-idx3-ubyte", np.zeros((20, 28, 28)))
    source = open_source(f"torchvision:FashionMNIST:{tmp_path}")
    assert source.class_names[:2] == ["T-shirt/top", "Trouser"]
    assert source.labels.tolist() == [*range(10), *range(10)]
    assert (source.image(3).mode, source.kind) == ("L", "torchvision FashionMNIST")
    test = open_source(f"torchvision:FashionMNIST:{tmp_path}:train=false")
    assert test.labels[:2].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("CIFAR10:{root}", MissingFileError, "unasked: add :download=True"),
        ("Country211:{root}", MissingFileError, "unasked: add :download=True"),
        ("CIFAR", UserError, r"torchvision.datasets has no 'CIFAR'; near are \['CIFAR10"),
        ("CIFAR10", UserError, "as in torchvision:CIFAR10:data"),
        ("CIFAR10:{root}:train", UserError, "expected a keyword such as split=test, got 'train'"),
        ("CIFAR10:{root}:split=test", UserError, "unexpected keyword argument 'split'"),
        ("STL10:{root}:split=tset", UserError, "Unknown value 'tset' for argument split"),
        ("FakeData:{root}", UserError, "FakeData"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, spec: str, error: type[UserError], message: str
) -> None:
    with pytest.raises(error, match=message):
        open_source("torchvision:" + spec.format(root=tmp_path))
