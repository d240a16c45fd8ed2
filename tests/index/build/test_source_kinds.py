"""Every kind of source: build a bank, train with it, and find every image by its pixels alone."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import Country211, ImageFolder
from torchvision.transforms import v2

from genie_transforms import Bank, GeNIeTransform, source_digest
from index.build import build_bank
from index.config import BuildConfig
from tests import photos

Transform = Callable[[Image.Image], torch.Tensor]


class Reader(Dataset[Any]):
    """A training dataset as people write them: `read` returns an image."""

    def __init__(
        self,
        read: Callable[[str], Image.Image],
        classes: Sequence[str] = photos.CLASSES,
        transform: Any = None,
    ) -> None:
        self.read, self.transform = read, transform
        self.targets = [classes.index(photos.CLASSES[label]) for _, label in photos.FILES]
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        image = self.read(photos.FILES[row][0])
        return (self.transform(image) if self.transform else image), self.targets[row]


def _hugging_face(dataset: datasets.Dataset, transform: Transform) -> Any:
    def apply(batch: dict[str, Any]) -> dict[str, Any]:
        return {"image": [transform(image) for image in batch["image"]], "label": batch["label"]}

    return [(row["image"], row["label"]) for row in dataset.with_transform(apply)]


def _from_tars(folder: Path) -> Callable[[str], Image.Image]:
    """Decode as `webdataset` does for "pil"."""
    blobs = {}
    for path in folder.iterdir():
        with tarfile.open(path) as tar:
            blobs |= {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    return lambda name: Image.open(io.BytesIO(blobs[name.replace("/", "-")])).convert("RGB")


def _upright(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def _kind(
    kind: str, root: Path, work: Path
) -> tuple[dict[str, Any], Any, Callable[[Transform], Any]]:
    """Lay out the images: settings, the dataset for Python, and what trains on them."""
    stored = photos.hugging_face(root)
    listed = sorted(photos.CLASSES)
    match kind:
        case "folder":
            return {"source": str(root)}, None, lambda t: ImageFolder(str(root), t)
        case "torchvision":
            data = photos.write_country211(root, work / "data")
            spec = f"torchvision:Country211:{data}:split=valid"
            return {"source": spec}, None, lambda t: Country211(data, "valid", transform=t)
        case "hub":
            stored.to_parquet(work / "train.parquet")
            return {"source": f"hf:{work}:train"}, None, lambda t: _hugging_face(stored, t)
        case "saved":
            stored.save_to_disk(work / "saved")
            return {"source": str(work / "saved")}, None, lambda t: _hugging_face(stored, t)
        case "parquet":
            stored.to_parquet(work / "train-0.parquet")
            spec = str(work / "*.parquet")
            return {"source": spec}, None, lambda t: _hugging_face(stored, t)
        case "list":
            spec = str(photos.write_list(root, work / "list.txt"))
            settings = {"source": spec, "image_root": str(root)}
            return (
                settings,
                None,
                lambda t: Reader(lambda name: Image.open(root / name).convert("RGB"), listed, t),
            )
        case "webdataset":
            folder = photos.write_shards(root, work / "shards")
            return (
                {"source": str(folder)},
                None,
                lambda t: Reader(_from_tars(folder), photos.CLASSES, t),
            )
        case "python":

            def read(name: str) -> Image.Image:
                return _upright(root / name)

            return {}, Reader(read), lambda t: Reader(read, transform=t)
    return {}, stored, lambda t: _hugging_face(stored, t)  # "hugging face object"


KINDS = (
    *("folder", "torchvision", "hub", "saved", "parquet", "list", "webdataset", "python"),
    "hugging face object",
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_is_found_by_its_pixels(
    kind: str, tmp_path: Path, stable_diffusion_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    root, work = photos.write_images(tmp_path / "photos"), tmp_path / "work"
    work.mkdir()
    settings, dataset, training_set = _kind(kind, root, work)
    config = BuildConfig(
        **settings, model=str(stable_diffusion_folder), out=tmp_path / "bank", backbone="demo",
        method="genie", noise_ratio=0.5, num_inference_steps=2, resolution=16, preview=0,
    )  # fmt: skip
    build_bank(config, dataset)
    bank = Bank.open(config.out, keep=None)
    assert len(bank) == len(photos.FILES) * 2

    sorted_names = kind in ("folder", "torchvision", "list")
    assert bank.class_names == (sorted(photos.CLASSES) if sorted_names else list(photos.CLASSES))
    for image, label in training_set(lambda image: image.convert("RGB")):  # type: ignore[arg-type, return-value]
        assert bank.label_of_source(source_digest(image)) == label

    genie = GeNIeTransform(bank, p=1.0)
    augment = v2.Compose(
        [v2.RGB(), genie, v2.Resize((16, 16)), v2.PILToTensor(), v2.ToDtype(torch.float32, True)]
    )
    _train(DataLoader(training_set(augment), batch_size=4))
    assert genie.counters.seen == genie.counters.replaced == len(photos.FILES)
    assert genie.counters.hit_share == 1.0


def _train(loader: Any) -> None:
    """Take a step of a classifier on each batch."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()


def test_what_is_turned_by_exif_is_turned_in_training_or_not(tmp_path: Path) -> None:
    """The premise of the test above: the kinds do not yield the same pixels."""
    root = photos.write_images(tmp_path / "photos")
    turned = ImageFolder(str(root))[1][0]
    assert (turned.size, photos.hugging_face(root)[0]["image"].size) == ((20, 16), (16, 20))
