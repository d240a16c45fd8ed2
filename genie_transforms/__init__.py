"""Hard-negative augmentation from a bank of generated images (GeNIe), for torchvision.

`Bank` opens a bank that `python -m index.build` wrote, `GeNIeTransform` replaces images by its
hard negatives, `WithTransforms` applies it to image and label together. Programs that write banks
find the files' format in `genie_transforms.format`. Whatever this library raises on purpose is a
`GeNIeError`; a mistake in what the user gave is a `UserError`.
"""

from genie_transforms._bank import Bank
from genie_transforms._transform import GeNIeTransform, WithTransforms

from ._digest import source_digest
from ._errors import (
    BankError,
    BankFormatError,
    BankNotFoundError,
    FolderInUseError,
    GeNIeError,
    MissingFileError,
    MissingPackageError,
    NoNegativesError,
    UnfinishedBankError,
    UnsupportedSampleError,
    UserError,
)

__version__ = "0.1.0"

__all__ = [
    "Bank",
    "BankError",
    "BankFormatError",
    "BankNotFoundError",
    "FolderInUseError",
    "GeNIeError",
    "GeNIeTransform",
    "MissingFileError",
    "MissingPackageError",
    "NoNegativesError",
    "UnfinishedBankError",
    "UnsupportedSampleError",
    "UserError",
    "WithTransforms",
    "source_digest",
]
