"""A folder on another file system, named by a URI: S3, GCS, or what else `pyarrow.fs` opens.

A file appears there as a whole or not at all. What fails is tried again a few times, for networks
do; then it is a `StorageError` with the file's name. No message shows the keys that a URI may hold.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa

from genie_transforms._errors import MissingFileError, StorageError, UserError

from .files import atomic_path
from .temporary import is_temporary

logger = logging.getLogger("genie")

PAUSES = (1.0, 5.0, 25.0)
"""Seconds before what failed is tried again, once for each."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_OBJECTS = {"s3", "gcs", "abfs"}
"""File systems that show an object once all of it is there."""

T = TypeVar("T")


class RemoteFile(NamedTuple):
    """What a listing says of a file: bytes, and by the clock of the server when it was written."""

    size: int
    written: int


def is_uri(text: str) -> bool:
    """Tell whether a text is a URI, such as `s3://bucket/bank`, and not a path."""
    return _URI.match(text) is not None


def local_copy(uri: str, home: Path) -> Path:
    """Return the folder below `home` that belongs to a URI; its name is the last part of it.

    Keys in the URI do not count.
    """
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    place = f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/')}?{parts.query}"
    # The folder's name stands in the bank's card, and is there what it is here.
    name = PurePosixPath(f"/{host}{parts.path}").name
    return home / hashlib.sha256(place.encode()).hexdigest()[:16] / name


def cache_folder() -> Path:
    """Return the folder of this user for what can be fetched or made again."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "genie-transforms")


class RemoteFolder:
    """A folder that a URI names; see `open`.

    Args:
        name: The URI without keys and options, for messages.
        system: A `pyarrow.fs.FileSystem`.
        path: The folder on it.

    Attributes:
        name: See above.
    """

    def __init__(self, name: str, system: Any, path: str) -> None:
        self.name, self._system, self._path = name, system, path

    @classmethod
    def open(cls, uri: str) -> RemoteFolder:
        """Open the folder that a URI names; it need not be there, but its bucket must.

        Raises:
            UserError: pyarrow cannot open such a URI, or it names a file.
            MissingFileError: There is no such bucket.
            StorageError: The server does not answer, or refuses.
        """
        # It takes .1 s, which whoever reads banks from a disk need not wait for.
        from pyarrow.fs import FileSystem, FileType

        parts = urlsplit(uri)
        name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
        try:
            system, path = FileSystem.from_uri(uri)
        except (pa.ArrowException, ImportError, OSError) as error:
            raise UserError(
                f"{name} cannot be opened by pyarrow {pa.__version__}: "
                f"{_reason(error).replace(uri, name)}; it takes a folder, s3://…, gs://…, or what "
                "else it was built for"
            ) from error
        if not path.strip("/"):
            raise UserError(
                f"{uri.split('?')[0]} names no folder: give one, such as s3://bucket/bank"
            )
        try:
            found = system.get_file_info(path)
            bucket = path.split("/")[0]
            lost = system.type_name in _OBJECTS and found.type == FileType.NotFound
            if lost and system.get_file_info(bucket).type == FileType.NotFound:
                raise MissingFileError(f"{name}: there is no bucket {bucket!r}, make it first")
        except MissingFileError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise StorageError(f"cannot reach {name}: {_reason(error)}") from error
        if found.type == FileType.File:
            raise UserError(f"{name} is a file, and must be a folder, or not there yet")
        return cls(name, system, path.rstrip("/"))

    def files(self) -> dict[str, RemoteFile]:
        """List all files below the folder by their names relative to it, temporary ones left out.

        Raises:
            StorageError: The server does not answer.
        """
        return {n: file for n, file in self._files().items() if not is_temporary(Path(n))}

    def remove_temporaries(self) -> None:
        """Remove what killed processes left; only for whoever knows that nobody else writes there.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        for name in self._files():
            if is_temporary(Path(name)):
                self.remove(name)

    def read(self, name: str, most: int = 2**25) -> bytes:
        """Read a small file.

        Raises:
            FileNotFoundError: It is not there.
            StorageError: The server does not answer, or the file has more than `most` bytes.
        """

        def read() -> bytes:
            with self._system.open_input_stream(f"{self._path}/{name}") as file:
                return bytes(file.read(most + 1))

        data = _retried(f"read {self.name}/{name}", read)
        if len(data) > most:
            raise StorageError(f"cannot read {self.name}/{name}: it has more than {most} bytes")
        return data

    def get(self, name: str, path: Path, size: int) -> None:
        """Copy a file of `size` bytes to a path on this machine, atomically.

        Raises:
            StorageError: It is not there, the server does not answer, or the disk is full.
        """
        from pyarrow.fs import LocalFileSystem, copy_files

        with atomic_path(path) as temporary:

            def get() -> None:
                copy_files(
                    f"{self._path}/{name}",
                    str(temporary.absolute()),
                    source_filesystem=self._system,
                    destination_filesystem=LocalFileSystem(),
                )
                if temporary.stat().st_size != size:
                    raise OSError(f"{temporary.stat().st_size} of {size} bytes arrived")

            try:
                _retried(f"read {self.name}/{name}", get)
            except FileNotFoundError as error:
                raise StorageError(f"cannot read {self.name}/{name}: it is gone") from error

    def put(self, path: Path, name: str) -> RemoteFile:
        """Copy a file of this machine into the folder, where it replaces one of that name.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        from pyarrow.fs import LocalFileSystem, copy_files

        def write(target: str) -> None:
            # Not in a loop of our own: a stream that is left by a signal would be closed, and
            # what is there so far would take the place of the whole.
            copy_files(
                str(path.absolute()),
                target,
                source_filesystem=LocalFileSystem(),
                destination_filesystem=self._system,
            )

        return self._written(name, write, path.stat().st_size)

    def write(self, name: str, data: bytes) -> RemoteFile:
        """Write a small file; see `put`."""

        def write(target: str) -> None:
            with self._system.open_output_stream(target) as file:
                file.write(data)

        return self._written(name, write, len(data))

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there.

        Raises:
            StorageError: The server does not answer, or refuses.
        """
        path = f"{self._path}/{name}"
        try:
            _retried(f"remove {self.name}/{name}", lambda: self._system.delete_file(path))
        except FileNotFoundError:
            return

    def _files(self) -> dict[str, RemoteFile]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._path, allow_not_found=True, recursive=True)
        found = _retried(f"list {self.name}", lambda: self._system.get_file_info(selector))
        start = len(self._path) + 1
        return {one.path[start:]: _file(one) for one in found if one.type == FileType.File}

    def _written(self, name: str, write: Callable[[str], None], size: int) -> RemoteFile:
        path = PurePosixPath(self._path, name)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")

        def attempt() -> RemoteFile:
            if self._system.type_name in _OBJECTS:
                write(str(path))
            else:
                self._system.create_dir(str(path.parent), recursive=True)
                write(str(temporary))
                self._system.move(str(temporary), str(path))
            there = _file(self._system.get_file_info(str(path)))
            if there.size != size:
                raise OSError(f"{there.size} of {size} bytes arrived")
            return there

        return _retried(f"write {self.name}/{name}", attempt)


def _file(found: Any) -> RemoteFile:
    # Servers say it in whole seconds in one answer and more precisely in another.
    return RemoteFile(found.size or 0, (found.mtime_ns or 0) // 10**9)


def _retried(what: str, act: Callable[[], T]) -> T:
    """Do something, again after a pause if it fails.

    Raises:
        FileNotFoundError: As it does; this is no fault of a network.
        StorageError: It failed every time.
    """
    pauses = list(PAUSES)
    while True:
        try:
            return act()
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            if not pauses:
                raise StorageError(f"cannot {what}: {_reason(error)}") from error
            logger.warning("cannot %s (%s): again in %.0f s", what, _reason(error), pauses[0])
            time.sleep(pauses.pop(0))


def _reason(error: BaseException) -> str:
    """Return the first line of what pyarrow says."""
    return next(iter(str(error).splitlines()), type(error).__name__)
