"""Hard-negative augmentation from a bank of generated images (GeNIe), for torchvision.

`Bank` opens a bank that `python -m index.build` wrote, `GeNIeTransform` replaces images by its
hard negatives, `WithTransforms` applies it to image and label together. Programs that write banks
find the files' format in `genie_transforms.format`. Whatever this library raises on purpose is a
`GeNIeError`; a mistake in what the user gave is a `UserError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._errors import (
    BankError,
    BankFormatError,
    BankNotFoundError,
    FolderInUseError,
    GeNIeError,
    MissingFileError,
    MissingPackageError,
    NoNegativesError,
    StorageError,
    UnfinishedBankError,
    UnsupportedSampleError,
    UserError,
)

if TYPE_CHECKING:
    from ._bank import Bank
    from ._digest import source_digest
    from ._transform import GeNIeTransform, WithTransforms
else:
    # What needs torch is imported when it is first used: whoever only asks a command for `--help`,
    # or catches an error, does not wait for it.
    _LAZY = {
        "Bank": "._bank",
        "GeNIeTransform": "._transform",
        "WithTransforms": "._transform",
        "format": ".format",
        "source_digest": "._digest",
    }

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(_LAZY[name], __name__)
        member = module if name == "format" else getattr(module, name)
        globals()[name] = member  # the next access does not come here
        return member

    def __dir__() -> list[str]:
        return sorted({"__version__", "format", *__all__})


__version__ = "0.2.0"

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
    "StorageError",
    "UnfinishedBankError",
    "UnsupportedSampleError",
    "UserError",
    "WithTransforms",
    "source_digest",
]
