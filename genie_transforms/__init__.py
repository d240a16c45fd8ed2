"""Hard-negative augmentation from a bank of generated images (GeNIe), for torchvision.

`Bank` opens a bank that `python -m index.build` wrote, `GeNIeTransform` replaces images by its
hard negatives, `WithTransforms` applies it to image and label together.
"""

from ._bank import Bank
from ._dataset import WithTransforms, source_digest
from ._errors import (
    BankError,
    BankFormatError,
    GeNIeError,
    NoNegativesError,
    UnfinishedBankError,
    UnsupportedSampleError,
)
from ._transform import GeNIeTransform

__version__ = "0.1.0"

__all__ = [
    "Bank",
    "BankError",
    "BankFormatError",
    "GeNIeError",
    "GeNIeTransform",
    "NoNegativesError",
    "UnfinishedBankError",
    "UnsupportedSampleError",
    "WithTransforms",
    "source_digest",
]
