"""Bad files among good ones: each is built or named, and none ends anything."""

from __future__ import annotations

import copy
import errno
import logging
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from genie_transforms import StorageError, UserError, source_digest
from index.sources import BadImageError, Source, fit_to, open_source

from .bad_files import BUILT, FILES, LEFT_OUT, OTHERS, photo

GOOD = ["cat/good.png", "dog/good.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in GOOD:
        (tmp_path / "root" / name).parent.mkdir(parents=True)
        (tmp_path / "root" / name).write_bytes(photo())
    return tmp_path / "root"


def _read(source: Source) -> tuple[list[str], dict[str, str]]:
    """Read all images as a build does: those that can be used, and the reasons of the others."""
    good, bad = [], {}
    for row in range(len(source)):
        try:
            image = source.image(row)
        except BadImageError as error:
            bad[error.name] = error.reason
            continue
        assert fit_to(image, 8).shape == (3, 8, 8)
        assert len(source_digest(image.convert("RGB"))) == 32
        assert source.class_names[source.labels[row]] == source.ids[row].split("/")[0]
        good.append(source.ids[row])
    return good, bad


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_built_or_named(kind: str, root: Path) -> None:
    name, content, due = FILES[kind]
    (root / "cat" / name).write_bytes(content)
    source = open_source(str(root))
    good, bad = _read(source)
    ours = f"cat/{_text(name)}"
    if due.startswith(LEFT_OUT):
        assert (sorted(good), bad, source.left_out) == (GOOD, {}, {due.removeprefix(LEFT_OUT): 1})
    elif due == BUILT:
        assert (sorted(good), bad) == (sorted([*GOOD, ours]), {})
    else:
        assert (sorted(good), list(bad)) == (GOOD, [ours])
        assert re.search(due, bad[ours]), bad
        assert "\n" not in bad[ours]


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_file_is_counted_or_named(kind: str, root: Path) -> None:
    write, name, due = OTHERS[kind]
    write(root / "cat")
    source = open_source(str(root))
    good, bad = _read(source)
    assert sorted(good) == GOOD
    if name:
        assert list(bad) == [f"cat/{name}"]
        assert due in bad[f"cat/{name}"]
    else:
        kinds = [due.removeprefix(LEFT_OUT)] if due != LEFT_OUT else []
        assert (bad, source.left_out) == ({}, dict.fromkeys(kinds, 1))


def test_what_is_left_out_is_told(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.gif", "b.GIF", "README"):
        (root / "cat" / name).touch()
    (root / "emu").mkdir()
    with caplog.at_level(logging.WARNING):
        source = open_source(str(root))
    assert source.empty_classes() == ["emu"]
    assert [record.getMessage().removeprefix(f"--source {root}") for record in caplog.records] == [
        " has no image of 1 of its 3 classes, such as ['emu']: they keep their numbers, but "
        "without a centroid they are no targets",
        ": left out 1 files without extension",
        ": left out 2 .gif files",
    ]


def test_deep_levels_are_scaled_and_the_key_is_that_of_training(root: Path) -> None:
    name, content, _ = FILES["16 bits"]
    path = root / "cat" / name
    path.write_bytes(content)
    source = open_source(str(root))
    image = source.image(list(source.ids).index(f"cat/{name}"))
    assert source_digest(image.convert("RGB")) == source_digest(Image.open(path).convert("RGB"))
    levels = np.asarray(Image.open(path))
    assert (abs(fit_to(image, len(levels))[0].numpy() - levels / 257) <= 1).all()


def test_a_class_of_no_text_is_refused(root: Path) -> None:
    try:
        (root / os.fsdecode(b"caf\xe9")).mkdir()
    except OSError:
        pytest.skip("this disk has names in UTF-8 only")
    with pytest.raises(UserError, match="is not UTF-8: rename it"):
        open_source(str(root))


def test_a_fault_of_the_disk_is_no_bad_image(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(root))

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(StorageError, match=r"cat/good\.png cannot be read: .*Input/output"):
        source.image(0)


def test_it_can_be_sent_between_processes() -> None:
    error = copy.copy(BadImageError("cat/a.png", "truncated"))  # by what pickle uses
    assert (str(error), error.name) == ("cat/a.png cannot be used: truncated", "cat/a.png")


def test_nobody_runs_ghostscript(root: Path) -> None:
    (root / "cat" / "a.png").write_bytes(FILES["PostScript"][1])
    before = EpsImagePlugin.gs_binary
    with Image.open(root / "cat" / "a.png") as image:
        source = Source([(image,)], ["cat", "dog"], np.array([0]), ["a"], "python")
        with pytest.raises(BadImageError, match=r"a cannot be used: .*hostscript"):
            source.image(0)
    assert EpsImagePlugin.gs_binary == before


def test_some_images_keep_their_names_and_labels(root: Path) -> None:
    for number in range(3):
        (root / "dog" / f"{number}.png").write_bytes(photo())
    some = open_source(str(root)).take([0, 2, 4])
    assert list(some.ids) == ["cat/good.png", "dog/1.png", "dog/good.png"]
    assert some.labels.tolist() == [0, 1, 1]
    assert list(some.take([2]).ids) == ["dog/good.png"]
    assert some.image(1).size == (12, 12)


def test_a_list_records_what_is_missing(root: Path) -> None:
    path = root / "list.txt"
    path.write_text("cat/good.png cat\ndog/gone.png dog\ndog/good.png dog\n")
    assert _read(open_source(str(path))) == (GOOD, {"dog/gone.png": "No such file or directory"})
