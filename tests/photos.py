"""A few small images of the kinds that datasets hold, in every layout that a build reads."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

CLASSES = ("owl", "fox", "hen")  # not sorted: the order of datasets that have one of their own

FILES = (
    ("fox/turned.jpg", 1),
    ("fox/plain.png", 1),
    ("hen/grey.png", 2),
    ("hen/palette.png", 2),
    ("owl/deep.png", 0),
    ("owl/clear.png", 0),
    ("owl/ink.jpg", 0),
)
"""Each image with its label in the order of `CLASSES`."""

_ORIENTATION = 0x0112


def write_images(root: Path) -> Path:
    """Write `FILES`: one turned by EXIF, grey, palette, 16 bits, alpha and CMYK."""
    for name in CLASSES:
        (root / name).mkdir(parents=True)
    generator = np.random.default_rng(0)
    turned = Image.Exif()
    turned[_ORIENTATION] = 6
    for name, _ in FILES:
        levels = generator.integers(0, 256, (16, 20, 3), dtype=np.uint8)
        image, options = Image.fromarray(levels), {}
        match Path(name).stem:
            case "turned":
                options = {"exif": turned}
            case "grey":
                image = image.convert("L")
            case "palette":
                image = image.quantize(8)
            case "deep":
                image = Image.fromarray(levels[..., 0].astype(np.uint16) * 3)
            case "clear":
                image.putalpha(image.convert("L"))
            case "ink":
                image = image.convert("CMYK")
        image.save(root / name, **options)
    return root


def write_list(root: Path, path: Path) -> Path:
    """List the images below `root`, with the names of their classes."""
    path.write_text("".join(f"{name} {CLASSES[label]}\n" for name, label in FILES))
    return path


def write_shards(root: Path, folder: Path) -> Path:
    """Write two WebDataset shards, with numbers in `.cls` and names in `.json`."""
    folder.mkdir()
    for shard, files in enumerate((FILES[:4], FILES[4:])):
        with tarfile.open(folder / f"photos-{shard:04d}.tar", "w") as tar:
            for name, label in files:
                key, _, suffix = name.replace("/", "-").partition(".")
                tar.add(root / name, f"{key}.{suffix}")
                add_text(tar, f"{key}.cls", str(label))
                add_text(tar, f"{key}.json", json.dumps({"label": CLASSES[label]}))
    return folder


def add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    tar.addfile(entry, io.BytesIO(text.encode()))


def hugging_face(root: Path) -> datasets.Dataset:
    """The images as a Hugging Face dataset that embeds them."""
    columns = {
        "image": [{"bytes": (root / name).read_bytes(), "path": None} for name, _ in FILES],
        "label": [label for _, label in FILES],
    }
    names = datasets.ClassLabel(names=list(CLASSES))
    features = datasets.Features({"image": datasets.Image(), "label": names})
    return datasets.Dataset.from_dict(columns, features=features)


def write_country211(root: Path, data: Path) -> Path:
    """Lay the images out as a split of torchvision's Country211."""
    shutil.copytree(root, data / "country211" / "valid")
    return data
