"""A bank elsewhere, by URI: its outline on this machine can be looked at as the bank itself could.

Of all that is there only small files are fetched: statistics, manifest, who owns it. Of shards and
embeddings the outline has the names and the times alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from genie_transforms import BankFormatError, BankNotFoundError
from genie_transforms.format import MANIFEST, RemoteFile, RemoteFolder
from index.store import BUILD, LOCK, is_mirrored, is_stats, shard_number

BAD_IMAGES = "index/bad_images.json"

_BEGUN = (BUILD, MANIFEST)
_LONGEST = 200  # characters of a name, which a disk here may not take
_READERS = 8
_TRIES = 3


@contextmanager
def outlined(uri: str) -> Iterator[tuple[str, Path]]:
    """Draw the outline of a bank elsewhere; it is there while the block runs.

    Args:
        uri: The bank, as `--out` of its build names it.

    Yields:
        The URI without keys and options, and the folder of the outline.

    Raises:
        BankNotFoundError: Nothing is there.
        BankFormatError: It holds something else than a bank.
        UserError: pyarrow cannot open such a URI, or there is no such bucket.
        StorageError: The server does not answer, or refuses.
    """
    remote = RemoteFolder.open(uri)
    with TemporaryDirectory() as home:
        for attempt in range(_TRIES):
            listed, folder = remote.files(), Path(home, str(attempt))
            folder.mkdir()
            _check_begun(remote.name, listed)
            _draw(remote, listed, folder)
            if remote.files().get(MANIFEST) == listed.get(MANIFEST):
                break  # else a build ended meanwhile, and half of it was seen
        yield remote.name, folder


def _check_begun(name: str, listed: Mapping[str, RemoteFile]) -> None:
    """Refuse what is no folder of a bank.

    Raises:
        BankNotFoundError, BankFormatError: See `outlined`.
    """
    if not listed:
        raise BankNotFoundError(f"nothing is at {name}: no build was begun there")
    if not any(one in (*_BEGUN, LOCK) or is_stats(one) for one in listed):
        raise BankFormatError(f"{name} is not a bank: it has neither {BUILD} nor {MANIFEST}")


def _draw(remote: RemoteFolder, listed: Mapping[str, RemoteFile], folder: Path) -> None:
    """Put into a folder what can be told of the bank without its rows."""

    def draw(name: str) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        try:
            path.write_bytes(_content(remote, name))
        except FileNotFoundError:  # gone meanwhile
            return
        os.utime(path, (listed[name].written,) * 2)

    with ThreadPoolExecutor(_READERS) as pool:
        list(pool.map(draw, filter(_is_drawn, listed)))


def _is_drawn(name: str) -> bool:
    is_part = shard_number(name) is not None or name in (*_BEGUN, LOCK, BAD_IMAGES)
    is_block = name.startswith("sources/") and is_mirrored(name)
    return (is_part or is_block) and len(name) < _LONGEST


def _content(remote: RemoteFolder, name: str) -> bytes:
    """Return what the outline has of a file.

    Raises:
        FileNotFoundError: It is gone.
        StorageError: The server does not answer, or the file is too large for what it is.
    """
    if name == LOCK:
        return _owner(remote.read(name))
    return remote.read(name) if is_stats(name) or name.endswith(".json") else b""


def _owner(lock: bytes) -> bytes:
    """Return the lock as it would stand on a disk: only while its owner builds."""
    try:
        content = json.loads(lock)
        return b"" if content["ended"] else json.dumps(content["owner"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""
