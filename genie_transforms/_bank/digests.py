"""Content keys of images as numbers: half the bytes of the text, and sortable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genie_transforms._errors import BankFormatError

_NUM_HEX = 32


# The value of each hexadecimal digit by its character; 255 for all other characters.
_DIGITS = np.full(256, 255, dtype=np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16, dtype=np.uint8)


def digest_keys(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return digests as ``(N, 2)`` uint64, which sort as the texts do.

    Args:
        column: Texts of 32 hexadecimal digits, validated.

    Raises:
        BankFormatError: A text is not.
    """
    keys = [np.empty((0, 2), dtype=np.uint64), *(_keys(chunk) for chunk in column.chunks)]
    return np.concatenate(keys)


def _keys(chunk: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Read one chunk from its buffers: a million texts as Python objects would take 0.6 s."""
    if not len(chunk):
        return np.empty((0, 2), dtype=np.uint64)
    _, offset_buffer, data = chunk.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[chunk.offset :][: len(chunk) + 1]
    if chunk.null_count or data is None or (np.diff(offsets) != _NUM_HEX).any():
        raise BankFormatError(f"not {_NUM_HEX} digits in each row")
    text = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    digits = _DIGITS[text]
    if digits.max() > 15:
        raise BankFormatError("a character that is no hexadecimal digit")
    raw = (digits[0::2] << 4) | digits[1::2]
    # Big-endian, so that the numbers sort as the texts do; then in the order of this machine.
    return raw.view(">u8").reshape(-1, 2).astype(np.uint64)
