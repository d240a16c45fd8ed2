"""Kinds of bad source, by name: each writes what it is about into `cat/`, and says what is due."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BUILT = "built"
LEFT_OUT = "left out: "

_SIDE = 12


def photo(kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """An image whose pixels differ from each other."""
    levels = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(levels).convert(mode).save(sink, kind, **options)
    return sink.getvalue()


def _array(levels: Any, kind: str) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(levels).save(sink, kind)
    return sink.getvalue()


def _png(width: int, height: int, chunks: bytes = b"", depth: int = 8) -> bytes:
    """A PNG of a header that may claim anything."""
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def _with_chunk(extra: bytes) -> bytes:
    whole = photo()
    return whole[:33] + extra + whole[33:]


_DEEP = (np.arange(_SIDE * _SIDE).reshape(_SIDE, _SIDE) * 400).astype(np.uint16)
_UNIT = np.linspace(0, 1, _SIDE * _SIDE, dtype=np.float32).reshape(_SIDE, _SIDE)
_POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
_BOMB = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 24)))

_NO_IMAGE = "its content is none of JPEG"

FILES: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("a.png", b"", _NO_IMAGE),
    "one byte": ("a.jpg", b"\xff", _NO_IMAGE),
    "zeros": ("a.png", bytes(4096), _NO_IMAGE),
    "text": ("a.png", b"404 not found", _NO_IMAGE),
    "a page of HTML": ("a.jpg", b"<!DOCTYPE html><html></html>", _NO_IMAGE),
    "a pointer of git lfs": ("a.png", b"version https://git-lfs.github.com/spec/v1\n", _NO_IMAGE),
    "AppleDouble of macOS": ("._a.jpg", b"\0\5\x16\7\0\2\0\0Mac OS X", _NO_IMAGE),
    "truncated PNG": ("a.png", photo()[:200], "truncated"),
    "PNG header only": ("a.png", photo()[:33], "."),
    "truncated JPEG": ("a.jpg", photo("JPEG")[:-200], "."),
    "truncated WebP": ("a.webp", photo("WEBP")[:60], "."),
    "truncated TIFF": ("a.tif", photo("TIFF")[:80], "."),
    "truncated BMP": ("a.bmp", photo("BMP")[:100], "truncated"),
    "truncated PPM": ("a.ppm", photo("PPM")[:40], "."),
    "bad CRC of the header": ("a.png", _flipped(photo(), 30), "."),
    "bad CRC of the data": ("a.png", _flipped(photo(), 60), "."),
    "damaged JPEG marker": ("a.jpg", b"\xff\xd8\xff\xc0\0\2" + photo("JPEG")[2:80], "."),
    "PNG of no pixels": ("a.png", _png(0, 0), "."),
    "PNG without data": ("a.png", _png(4, 4), "."),
    "PNG of an impossible depth": ("a.png", _png(4, 4, depth=7), "."),
    "13,000 x 13,000": ("a.png", _png(13_000, 13_000), "pixels are more than|ecompression"),
    "65,535 x 65,535": ("a.png", _png(65_535, 65_535), "DecompressionBombError"),
    "20,000 x 1": ("a.png", _array(np.zeros((1, 20_000, 3), np.uint8), "PNG"), "20000 x 1"),
    "1 x 20,000": ("a.png", _array(np.zeros((20_000, 1, 3), np.uint8), "PNG"), "1 x 20000"),
    "a bomb in a text chunk": ("a.png", _with_chunk(_BOMB), "."),
    "PostScript": ("a.png", _POSTSCRIPT, _NO_IMAGE),
    "a file of Photoshop": ("a.jpg", b"8BPS\0\1" + bytes(64), _NO_IMAGE),
    "an icon": ("a.png", photo("ICO"), _NO_IMAGE),
    "AVIF": ("a.jpg", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", _NO_IMAGE),
    "float TIFF in [0, 1]": ("a.tif", _array(_UNIT, "TIFF"), "levels from 0 to 1 are one colour"),
    "float TIFF with NaN": ("a.tif", _array(_UNIT * np.nan, "TIFF"), "not finite"),
    "16 bits, all white": ("a.png", _array(_DEEP + 300, "PNG"), "levels from 300 to .* one colour"),
    "16 bits": ("a.png", _array(_DEEP, "PNG"), BUILT),
    "32-bit TIFF": ("a.tif", _array(_DEEP.astype(np.int32), "TIFF"), BUILT),
    "float TIFF in [0, 255]": ("a.tif", _array(_UNIT * 255, "TIFF"), BUILT),
    "one pixel": ("a.png", _array(np.zeros((1, 1, 3), np.uint8), "PNG"), BUILT),
    "a PNG called .jpg": ("a.jpg", photo(), BUILT),
    "a GIF called .jpg": ("a.jpg", photo("GIF", "P"), BUILT),
    "CMYK": ("a.jpg", photo("JPEG", "CMYK"), BUILT),
    "grey and alpha": ("a.png", photo("PNG", "LA"), BUILT),
    "bits": ("a.png", photo("PNG", "1"), BUILT),
    "damaged EXIF": ("a.jpg", photo("JPEG", exif=b"Exif\0\0garbage!"), BUILT),
    "what follows the end": ("a.jpg", photo("JPEG") + b"trailing", BUILT),
    "an ending in capitals": ("A.PNG", photo(), BUILT),
    "$ in its name": ("$a$_{b.png", photo(), BUILT),
    "a newline in its name": ("a\nb.png", photo(), BUILT),
    "a name of no UTF-8": (os.fsdecode(b"caf\xe9.png"), photo(), BUILT),
    "a long name": ("a" * 240 + ".png", photo(), BUILT),
    "a GIF": ("a.gif", photo("GIF", "P"), LEFT_OUT + ".gif files"),
    "no extension": ("a", photo(), LEFT_OUT + "files without extension"),
    "notes": ("notes.txt", b"notes", LEFT_OUT + ".txt files"),
}
"""Name, content, and what is due: built, left out, or the reason that is recorded."""


def _folder_of_copies(cat: Path) -> None:
    (cat / ".ipynb_checkpoints").mkdir()
    (cat / ".ipynb_checkpoints" / "a.png").write_bytes(photo())


def _hidden_class(cat: Path) -> None:
    (cat.parent / ".ipynb_checkpoints").mkdir()
    (cat.parent / ".ipynb_checkpoints" / "a.png").write_bytes(photo())


def _socket(cat: Path) -> None:
    before = Path.cwd()
    os.chdir(cat)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("a.png")
    finally:
        os.chdir(before)


_LINKS = LEFT_OUT + "links to folders that are read already"

OTHERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a pipe": (lambda cat: os.mkfifo(cat / "a.png"), "a.png", "no regular file"),
    "a socket": (_socket, "a.png", "no regular file"),
    "a device": (
        lambda cat: (cat / "a.png").symlink_to("/dev/zero"),
        "a.png",
        "no regular file",
    ),
    "a dangling link": (lambda cat: (cat / "a.png").symlink_to("gone"), "a.png", "No such file"),
    "a link to itself": (lambda cat: (cat / "a.png").symlink_to("a.png"), "a.png", "symbolic link"),
    "a folder called .png": (lambda cat: (cat / "a.png").mkdir(), "", LEFT_OUT),
    "a link to its folder": (lambda cat: (cat / "a").symlink_to(cat), "", _LINKS),
    "a link to the root": (lambda cat: (cat / "a").symlink_to(cat.parent), "", _LINKS),
    "a class that is the root": (lambda cat: (cat.parent / "a").symlink_to(".."), "", _LINKS),
    "hidden folder": (_folder_of_copies, "", LEFT_OUT + "hidden folders"),
    "hidden class": (_hidden_class, "", LEFT_OUT + "hidden folders"),
    "an empty class": (lambda cat: (cat.parent / "emu").mkdir(), "", LEFT_OUT),
}
"""Writes it below `cat/`; the name of the image that is recorded; and what is due."""
