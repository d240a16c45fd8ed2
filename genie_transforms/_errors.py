"""The exceptions of this library.

GeNIeError
├── BankError                 a bank cannot be used
│   ├── BankNotFoundError     there is none (also a FileNotFoundError)
│   ├── UnfinishedBankError   it has no genie.json yet
│   └── BankFormatError       it was written by another format version, or is damaged
├── NoNegativesError          a class has no hard negatives and was asked for one
├── StorageError              a file cannot be written: full, quota, fault (also an OSError)
├── UnsupportedSampleError    a sample that cannot be replaced truthfully (also a TypeError)
└── UserError                 a setting cannot be used; says what to do (also a ValueError)
    ├── MissingFileError      a file or folder is missing (also a FileNotFoundError)
    ├── FolderInUseError      a folder holds something else (also a FileExistsError)
    └── MissingPackageError   an optional package is not installed (also an ImportError)
"""

from __future__ import annotations


class GeNIeError(Exception):
    """Base of every error that this library raises on purpose."""


class BankError(GeNIeError):
    """A bank cannot be used."""


class BankNotFoundError(BankError, FileNotFoundError):
    """There is no bank where one was named."""


class UnfinishedBankError(BankError):
    """A bank has no `genie.json`: its build did not end."""


class BankFormatError(BankError):
    """A bank was written by another format version, or is damaged."""


class NoNegativesError(GeNIeError):
    """A class has no hard negatives and was asked for one."""


class StorageError(GeNIeError, OSError):
    """A file cannot be written: the disk is full, a quota is used up, or the device fails."""


class UnsupportedSampleError(GeNIeError, TypeError):
    """A sample that cannot be replaced truthfully: no image, no label, boxes or masks."""


class UserError(GeNIeError, ValueError):
    """A setting, file or folder that the user gave cannot be used; the message says what to do."""


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that the user named is missing."""


class FolderInUseError(UserError, FileExistsError):
    """A folder that should be new, or of the same build, holds something else."""


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed."""
