"""S3 on this machine: moto's server, to which pyarrow's own client talks over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer
from pyarrow.fs import FileSelector, FileSystem, FileType


@contextmanager
def s3_bucket(name: str) -> Iterator[str]:
    """Run the server with one bucket; yield the URI of a folder in it, with a place for its name.

    ``uri.format("banks/birds")`` is the folder `banks/birds`.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options = f"scheme=http&region=us-east-1&endpoint_override={host}%3A{port}"
        uri = f"s3://key:secret@{name}/{{}}?{options}"
        system, _ = FileSystem.from_uri(f"{uri.format('x')}&allow_bucket_creation=true")
        system.create_dir(name)
        yield uri
    finally:
        server.stop()


def files_at(uri: str) -> dict[str, bytes]:
    """Read all files below a URI but the statistics of a bank, in which durations stand."""
    system, path = FileSystem.from_uri(uri)
    found = {}
    for one in system.get_file_info(FileSelector(path, allow_not_found=True, recursive=True)):
        name = one.path[len(path) + 1 :]
        if one.type == FileType.File and not name.startswith("stats/"):
            with system.open_input_stream(one.path) as file:
                found[name] = bytes(file.read())
    return found
