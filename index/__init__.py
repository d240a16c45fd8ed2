"""Everything that builds a bank of hard negatives; training imports none of it.

From Python, `BuildConfig` says what to build and `build_bank` builds it (the room `index.build` is
a package, so its function `build`, which returns the folder, is `index.build.build`).

A build passes through the rooms in this order: `sources` reads images, class names and captions;
`embed` turns images into vectors and finds the class centroids; `plan` decides which pairs of image
and target are made; `diffusion` makes images, at exact noise ratios; `generate` runs GeNIe-Ada
(Algorithm 1) and makes rows of them; `store` keeps the bank's folder while it is built; `report`
shows what came out. `build` calls them, as `python -m index.build`. Beside them are `convert`, from
disk to disk, `demo` and `train`, the embedded models, and the commands `verify`, `leakage` and
`invert`.
"""

from typing import TYPE_CHECKING

from index.installed import require_packages
from index.lazy import lazy_members

require_packages()

if TYPE_CHECKING:
    from .build import build_bank
    from .config import BuildConfig
else:
    __getattr__ = lazy_members(__name__, {"build": ["build_bank"], "config": ["BuildConfig"]})

__all__ = ["BuildConfig", "build_bank"]
