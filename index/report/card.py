"""The dataset card: the bank's own README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genie_transforms.format import atomic_write

_CARD = """\
---
tags: [genie-transforms, hard-negatives]
---
# A bank of GeNIe hard negatives

{pairs} (image, target) pairs of {images} images in {classes} classes ({kind}), made with
`{method}`. Each row is an image of class `label` that was made from an image of class
`source_label`, so that the background and low-level look of the source remain.

```python
from torchvision import datasets, transforms
from genie_transforms import Bank, GeNIeTransform

bank = Bank.open("{folder}")
train = datasets.ImageFolder("…", transform=transforms.Compose([GeNIeTransform(bank), …]))
```

It also opens with `datasets.load_from_disk("{folder}")`. The columns are explained in the
library's documentation; everything that decided its content is in `genie.json`.

| setting | value |
|---|---|
{settings}
"""


def write_card(out: Path, kind: str, images: int, classes: int, build: dict[str, Any]) -> None:
    """Write `README.md` of the bank in `out`.

    Args:
        out: Folder of the bank.
        kind: What the source is.
        images: Source images.
        classes: Classes.
        build: Recipe, fingerprint and plan.
    """
    recipe = build["recipe"]
    settings = "\n".join(f"| {name} | `{value}` |" for name, value in recipe.items())
    text = _CARD.format(
        pairs=build["plan"]["pairs"],
        images=images,
        classes=classes,
        kind=kind,
        method=recipe["method"],
        folder=out.name,
        settings=settings,
    )
    atomic_write(out / "README.md", text.encode())
