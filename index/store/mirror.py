"""A bank elsewhere, by URI: it is built in a working folder here, and every finished thing is sent.

Nothing is ever built there: file systems without renames and locks could keep none of a build's
promises. What is there is a bank at any time, as complete as its last message: statistics are
there only with their shard, `genie.json` only with all that it names. So another machine may fetch
it and go on.

`mirror.json` in the working folder names it, and says of each file that was sent how it was then
and when it was written there. So nothing is sent or fetched twice.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from genie_transforms.format import (
    CARD,
    MANIFEST,
    RemoteFile,
    RemoteFolder,
    write_json,
)

from .claim import SUPERSEDED
from .layout import (
    MIRROR,
    check_names,
    is_mirrored,
    is_stats,
    mirrored_files,
    shard_number,
)
from .lock import check_free
from .remote_lock import RemoteLock

logger = logging.getLogger("genie.build")

_READERS = 8
"""Files that are fetched at once: most are small, and a server takes its time for each."""

_SHOWN = (CARD, "report.html", "preview.png")
"""What people look at, and no program reads: a bank may be opened while these are replaced."""


class _Sent(NamedTuple):
    """How a file was here when it was sent or fetched, and when it was written there."""

    size: int
    changed: int
    written: int


class NoMirror:
    """What a bank has that is built where it stays."""

    def fetch(self) -> None:
        """Do nothing."""

    def send(self) -> None:
        """Do nothing."""

    def lines(self) -> list[str]:
        """Return no line."""
        return []


class Mirror(NoMirror):
    """The bank elsewhere, and the working folder that is ahead of it.

    Args:
        folder: The working folder.
        remote: Where the bank is to be.
    """

    def __init__(self, folder: Path, remote: RemoteFolder) -> None:
        self._folder, self._remote = folder, remote
        self._name, self._sent = _read(folder / MIRROR)
        self.lock = RemoteLock(remote, self._name)
        self._there: set[str] = set()
        self.is_whole = False

    def fetch(self) -> None:
        """Make both folders equal, or the working folder ahead; only for who owns both.

        If nobody else has built since, the working folder is right. Else what is there is: another
        machine went on, or this one is new. Where nothing is, nothing here is thrown away for it.

        Raises:
            StorageError: The server does not answer, or a disk is full.
        """
        self._remote.remove_temporaries()
        listed = self._remote.files()
        there = {name: file for name, file in listed.items() if is_mirrored(name)}
        last = max((sent.written for sent in self._sent.values()), default=0)
        known = {n: s for n, s in self._sent.items() if n in there and _same(s, there[n])}
        self._sent, self._there = known, set(there)
        if there and not self.lock.is_ahead:
            # Servers tell seconds: what another wrote in the last of ours may look the same.
            self._sent = {n: s for n, s in known.items() if s.written < last}
            self._take_over(there)
        self._save()
        self.lock.equal()

    def send(self) -> None:
        """Send what is new here, and remove there what is no longer here.

        In such an order that whoever fetches it in the middle finds nothing wrong: superseded
        shards are set aside before they lose their statistics, these go before the new claim
        comes, and a bank that changes has no manifest until it is whole again.

        Raises:
            FolderInUseError: Somebody else has taken the folder over.
            StorageError: The server does not answer, or refuses.
        """
        self.lock.check()
        here = mirrored_files(self._folder)
        new = {name for name, stat in here.items() if not self._is_sent(name, stat)}
        gone = self._there - here.keys()
        self.is_whole = not (new or gone)
        if self.is_whole:
            return
        try:
            if not (new | gone).issubset(_SHOWN):
                self._remove([MANIFEST])
            set_aside = [name for name in new if _folder(name) == SUPERSEDED]
            self._put(here, sorted(set_aside, key=_order))
            self._remove(name for name in new | gone if is_stats(name))
            self._put(here, sorted(new.difference(set_aside, [MANIFEST]), key=_order))
            self._remove(sorted(gone & self._there, key=_order, reverse=True))
            if MANIFEST in here and MANIFEST not in self._sent:
                self._put(here, [MANIFEST])
        finally:
            self._save()
        self.is_whole = True

    def lines(self) -> list[str]:
        """Say in a line of the summary where the bank is."""
        return [f"sent to      {self._remote.name}"]

    def _take_over(self, there: Mapping[str, RemoteFile]) -> None:
        """Replace what is here by what is there."""
        here = mirrored_files(self._folder)
        for name in here.keys() - there.keys():
            (self._folder / name).unlink()
        new = [n for n in there if n not in here or not self._is_sent(n, here[n])]

        def get(name: str) -> None:
            path = self._folder / name
            self._remote.get(name, path, there[name].size)
            self._sent[name] = _sent(path.stat(), there[name])

        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(get, new))
        if new:
            size = sum(there[name].size for name in new) / 1e6
            logger.info("fetched %d files, %.1f MB, of %s", len(new), size, self._remote.name)

    def _is_sent(self, name: str, stat: os.stat_result) -> bool:
        sent = self._sent.get(name)
        return sent is not None and sent[:2] == (stat.st_size, stat.st_mtime_ns)

    def _put(self, here: Mapping[str, os.stat_result], names: Iterable[str]) -> None:
        for name in names:
            # As it was before: if it changes meanwhile, it is sent again.
            self._sent[name] = _sent(here[name], self._remote.put(self._folder / name, name))
            self._there.add(name)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._there:
                self._remote.remove(name)
                self._there.discard(name)
            self._sent.pop(name, None)

    def _save(self) -> None:
        write_json(self._folder / MIRROR, {"name": self._name, "sent": self._sent})


@contextmanager
def mirrored(folder: Path, uri: str) -> Iterator[Mirror]:
    """Own the folder that a URI names while the block runs.

    Args:
        folder: The working folder here.
        uri: Where the bank is to be.

    Yields:
        The mirror, of which nothing is fetched yet.

    Raises:
        FolderInUseError: Somebody builds there, or it holds something else than a bank.
        MissingFileError: There is no such bucket.
        StorageError: The server does not answer, or refuses.
        UserError: pyarrow cannot open such a URI.
    """
    check_free(folder)
    remote = RemoteFolder.open(uri)
    check_names(remote.name, remote.files())
    mirror = Mirror(folder, remote)
    mirror.lock.take()
    ended = False
    try:
        yield mirror
        ended = True
    finally:
        mirror.lock.release(whole=ended and mirror.is_whole)


def _read(path: Path) -> tuple[str, dict[str, _Sent]]:
    """Read `mirror.json`; where it is missing or damaged, the folder gets a new name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["name"]), {k: _Sent(*v) for k, v in content["sent"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return secrets.token_hex(8), {}


def _sent(here: os.stat_result, there: RemoteFile) -> _Sent:
    return _Sent(here.st_size, here.st_mtime_ns, there.written)


def _same(sent: _Sent, there: RemoteFile) -> bool:
    return (sent.size, sent.written) == there


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _order(name: str) -> tuple[bool, int, bool, str]:
    """Put first what others are of no use without."""
    number = shard_number(name)
    # Rows before the embeddings by which a store finds them, a shard before its stats.
    last = is_stats(name) or name.endswith(".embeddings.arrow")
    return number is not None, number or 0, last, name
