"""."""

from .transform import GeNIeTransform
from .with_transforms import WithTransforms

__all__ = [
    "GeNIeTransform",
    "WithTransforms",
]
