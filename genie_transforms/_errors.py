"""The exceptions of this library.

GeNIeError
├── BankError            a bank cannot be used
│   ├── UnfinishedBankError   it has no genie.json yet
│   └── BankFormatError       it was written by another format version, or is damaged
├── NoNegativesError     a class has no hard negatives and was asked for one
└── UnsupportedSampleError    a sample that cannot be replaced truthfully
"""

from __future__ import annotations


class GeNIeError(Exception):
    """Base of every error that this library raises on purpose."""


class BankError(GeNIeError):
    """A bank cannot be used."""


class UnfinishedBankError(BankError):
    """A bank has no `genie.json`: its build did not end."""


class BankFormatError(BankError):
    """A bank was written by another format version, or is damaged."""


class NoNegativesError(GeNIeError):
    """A class has no hard negatives and was asked for one."""


class UnsupportedSampleError(GeNIeError, TypeError):
    """A sample that cannot be replaced truthfully: no image, no label, boxes or masks."""
