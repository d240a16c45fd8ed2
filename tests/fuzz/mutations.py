"""Changes to the bytes, the kinds and the JSON of a bank's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from .bank_files import MANIFEST, Files, link_to, pipe, subfolder, unix_socket

Mutation = Callable[[Random, Files], None]

_NUMBERS = (0, 1, 7, 8, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308,
    float("nan"), float("inf"), "", "x", "0", "../x", "/etc/passwd", "data-00000-of-00001.arrow",
    "data-00001-of-00002.arrow", "data-0000-of-00002.arrow", "../data-00000-of-00002.arrow",
    "data-00000-of-00002.arrow\n", "./data-00000-of-00002.arrow", "data-00000-of-00002.arrow/",
    "\ud800", "\0", "a" * 5000, [], {}, [[]], [None], ["x"], {"x": 1}, [0] * 1000,
)  # fmt: skip
_TARGETS = (
    "/dev/zero", "/dev/random", "/dev/stdin", "/etc/passwd", "/nowhere", "../other", ".",
    "genie.json", "state.json", "data-00000-of-00002.arrow", "/proc/self/mem", "/proc/self/maps",
)  # fmt: skip


def _some_file(random: Random, files: Files) -> tuple[str, bytearray] | None:
    """Choose a file with content, mostly a shard."""
    names = sorted(name for name, content in files.items() if content and _is_bytes(content))
    shards = [name for name in names if name.endswith(".arrow")]
    if not names:
        return None
    name = random.choice(shards if shards and random.random() < 0.7 else names)
    return name, bytearray(files[name])  # type: ignore[arg-type]


def _is_bytes(content: Any) -> bool:
    return isinstance(content, bytes)


def flip_bytes(random: Random, files: Files) -> None:
    """Change some bytes, often where Arrow's metadata is."""
    if (chosen := _some_file(random, files)) is None:
        return
    name, data = chosen
    end = len(data) if random.random() < 0.5 else min(len(data), 6000)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        data[random.randrange(end)] = random.randrange(256)
    files[name] = bytes(data)


def put_numbers(random: Random, files: Files) -> None:
    """Write numbers that lengths and offsets should not be, where they usually lie."""
    if (chosen := _some_file(random, files)) is None or len(chosen[1]) < 8:
        return
    name, data = chosen
    for _ in range(random.choice((1, 1, 2, 4))):
        size = random.choice((2, 4, 8))
        place = random.randrange(0, len(data) - 7) // size * size
        number = random.choice(_NUMBERS) if random.random() < 0.7 else random.getrandbits(64)
        data[place : place + size] = (number % 2 ** (8 * size)).to_bytes(size, "little")
    files[name] = bytes(data)


def cut(random: Random, files: Files) -> None:
    """Cut a file short, or a piece out of it, or write a piece twice."""
    if (chosen := _some_file(random, files)) is None:
        return
    name, data = chosen
    start, stop = sorted(random.choices(range(len(data) + 1), k=2))
    kind = random.randrange(4)
    files[name] = bytes(
        data[:start] if kind == 0
        else data[:start] + data[stop:] if kind == 1
        else data[:stop] + data[start:] if kind == 2
        else data + data[start:stop]
    )  # fmt: skip


def other_content(random: Random, files: Files) -> None:
    """Exchange two files, empty or remove one, or put something else in its place."""
    names = sorted(files)
    if not names:
        return
    one, other = random.choice(names), random.choice(names)
    match random.randrange(6):
        case 0:
            files[one], files[other] = files[other], files[one]
        case 1:
            files[one] = files[other]
        case 2:
            del files[one]
        case 3:
            files[one] = b""
        case 4:
            files[one] = random.choice(
                (b"null", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", b"1" * 9000)
            )
        case 5:
            files[one] = random.randbytes(random.choice((4, 100, 5000)))


def other_kind(random: Random, files: Files) -> None:
    """Put a pipe, a folder, a socket or a link where a file was."""
    if not files:
        return
    name = random.choice(sorted(files))
    made = (pipe, subfolder, unix_socket, *(link_to(target) for target in (*_TARGETS, name)))
    files[name] = random.choice(made)


def change_json(random: Random, files: Files) -> None:
    """Change a value of a JSON file: replaced, removed, added, written twice."""
    names = [name for name in sorted(files) if name.endswith(".json")]
    name = MANIFEST if random.random() < 0.7 else random.choice([*names, MANIFEST])
    try:
        content = json.loads(files[name])  # type: ignore[arg-type]
    except (LookupError, TypeError, ValueError, RecursionError):
        return
    content = change_value(random, content)
    text = json.dumps(content, ensure_ascii=random.random() < 0.5)
    if random.random() < 0.004:
        text += " " * 2**25
    files[name] = text.encode(errors="surrogatepass")


def change_value(random: Random, content: Any) -> Any:
    """Change a value at a random depth of what JSON can hold."""
    if isinstance(content, dict | list) and content and random.random() < 0.85:
        keys: list[Any] = list(content) if isinstance(content, dict) else list(range(len(content)))
        key = random.choice(keys)
        match random.randrange(8):
            case 0:
                del content[key]
            case 1 if isinstance(content, list):
                content.insert(key, content[key])
            case 1:
                content[random.choice(("x", "label", ""))] = content[key]
            case _:
                content[key] = change_value(random, content[key])
        return content
    return random.choice(_VALUES)
