"""Replacing samples while a model trains: `GeNIeTransform` takes a sample or a batch apart, decides
what is replaced and by which row of a bank, and puts image and label back in the form they had.

The label that comes back is true of the image that comes back; what cannot be replaced truthfully
is refused with `UnsupportedSampleError`. All randomness comes from torch's global generator.
"""

from .transform import GeNIeTransform
from .with_transforms import WithTransforms

__all__ = [
    "GeNIeTransform",
    "WithTransforms",
]
