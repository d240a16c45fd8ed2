"""Fetch a bank that a URI names, on S3, GCS or what else pyarrow opens, into the cache."""

from __future__ import annotations

from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from genie_transforms._errors import (
    BankFormatError,
    BankNotFoundError,
    GeNIeError,
    UnfinishedBankError,
)
from genie_transforms.format import (
    JUDGEMENTS,
    MANIFEST,
    Manifest,
    RemoteFile,
    RemoteFolder,
    cache_folder,
    check_inside,
    is_beside_shards,
    link_or_copy,
    local_copy,
    new_folder,
    sha256_of,
)

_READERS = 8
"""Files that are fetched at once."""


def fetch_bank(uri: str) -> Path:
    """Fetch a bank into the cache, unless it is there, and return its folder.

    A bank that was built again gets another folder, and one that was judged since another with the
    same shards, which are not fetched again: nothing changes under a training that runs.

    Args:
        uri: Such as `s3://bucket/banks/birds`.

    Raises:
        BankNotFoundError: There is nothing.
        UnfinishedBankError: It has no `genie.json`.
        BankFormatError: A file is missing, or is not what `genie.json` says.
        StorageError: The server does not answer or refuses, or the disk is full.
        UserError: pyarrow cannot open such a URI.
    """
    remote = RemoteFolder.open(uri)
    files = remote.files()
    if MANIFEST not in files:
        if files:
            raise UnfinishedBankError(f"{remote.name} has no {MANIFEST}: its build did not end")
        raise BankNotFoundError(f"no bank at {remote.name}")
    said = remote.read(MANIFEST)
    home = cache_folder() / "banks" / sha256(said).hexdigest()[:16]
    folder = local_copy(uri, home / _judged(files))
    if folder.exists():
        return folder
    earlier = [local_copy(uri, part) for part in home.iterdir()] if home.is_dir() else []
    try:
        with new_folder(folder) as temporary:
            (temporary / MANIFEST).write_bytes(said)
            manifest = Manifest.read(temporary)
            linked = _link_shards(earlier, manifest, temporary)
            _fetch(remote, files, manifest, temporary, linked)
    except OSError as error:
        if folder.exists():  # another process was faster
            return folder
        if isinstance(error, GeNIeError):
            raise
        raise BankFormatError(f"{remote.name} has names that cannot be here: {error}") from error
    return folder


def _judged(files: dict[str, RemoteFile]) -> str:
    """Return a name for what people and judges say of the rows, which `genie.json` does not hold.

    By the listing alone, or all of it would be fetched to see that nothing is new.
    """
    judged = sorted((n, *file) for n, file in files.items() if n.split("/")[0] == JUDGEMENTS)
    return sha256(repr(judged).encode()).hexdigest()[:16]


def _link_shards(earlier: Sequence[Path], manifest: Manifest, folder: Path) -> set[str]:
    """Take over the shards that an earlier copy has, if they are sound; return their names."""
    linked = set()
    for shard in manifest.shards:
        name = shard["name"]
        for path in (other / name for other in earlier):
            if name not in linked and path.is_file() and sha256_of(path) == shard["sha256"]:
                link_or_copy(path, folder / name)
                linked.add(name)
    return linked


def _fetch(
    remote: RemoteFolder,
    files: dict[str, RemoteFile],
    manifest: Manifest,
    folder: Path,
    linked: Container[str],
) -> None:
    """Fetch the files of a bank but shards that are linked, and check them by its manifest."""
    shards = {shard["name"] for shard in manifest.shards}
    names = [n for n in files if n != MANIFEST and (n in shards or is_beside_shards(n))]
    for name in names:
        check_inside(remote.name, name)
    names = [name for name in names if not (folder / name).exists()]
    with ThreadPoolExecutor(_READERS) as pool:
        list(pool.map(lambda name: remote.get(name, folder / name, files[name].size), names))
    for shard in manifest.shards:
        path = folder / shard["name"]
        if path.name in linked:
            continue
        if not path.exists() or sha256_of(path) != shard["sha256"]:
            raise BankFormatError(
                f"{remote.name}/{path.name} is not what {MANIFEST} says: it is being built again, "
                "or damaged"
            )
