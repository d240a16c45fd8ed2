"""Whatever is damaged in a bank, the same command mends it, or says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from genie_transforms import FolderInUseError
from genie_transforms.format import verify_bank
from index.build import main
from index.config import BuildConfig
from index.store import fault_of_shard
from index.verify import main as verify

from . import fake

TARGETS = {
    "data": "data-00000-of-00002.arrow",
    "stats": "stats/00000.json",
    "embeddings": "embeddings/00000.arrow",
    "sources": "sources/*.arrow",
    "build.json": "build.json",
    "manifest": "genie.json",
    "index": "index/images.faiss",
    "centroids": "index/centroids.npz",
    "state": "state.json",
}
OTHERS = {
    "data": "data-00001-of-00002.arrow",
    "stats": "stats/00001.json",
    "embeddings": "embeddings/00001.arrow",
}


def _delete(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip(path: Path, share: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 1
    path.write_bytes(bytes(data))


def _flip_early(path: Path) -> None:
    _flip(path, 0.2)


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0\0\0")


def _foreign(path: Path) -> None:
    path.write_bytes(b'{"a": 1}\n')


DAMAGES: dict[str, Callable[[Path], None]] = {
    "deleted": _delete,
    "cut": _cut,
    "emptied": _empty,
    "flipped": _flip,
    "flipped early": _flip_early,
    "appended": _append,
    "foreign": _foreign,
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def sound(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished bank; each test damages a copy."""
    out = tmp_path_factory.mktemp("sound") / "bank"
    with pytest.MonkeyPatch.context() as patch:
        fake.install(patch.setattr)
        fake.fake_build(fake.config_of(photos, out))
    return out


@pytest.fixture
def config(
    sound: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BuildConfig:
    fake.install(monkeypatch.setattr)
    shutil.copytree(sound, tmp_path / "bank")
    return fake.config_of(photos, tmp_path / "bank")


def _assert_mended(config: BuildConfig, sound: Path) -> None:
    fake.fake_build(config)
    assert fake.files_of(config.out) == fake.files_of(sound)
    assert verify_bank(config.out) == []
    assert [fault_of_shard(config.out, shard) for shard in (0, 1)] == [None, None]


def _find(out: Path, target: str) -> Path:
    (path,) = out.glob(TARGETS[target])
    return path


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_command_mends(config: BuildConfig, sound: Path, target: str, damage: str) -> None:
    DAMAGES[damage](_find(config.out, target))
    _assert_mended(config, sound)


@pytest.mark.parametrize("target", OTHERS)
def test_swapped_shards_are_mended(config: BuildConfig, sound: Path, target: str) -> None:
    one, other = config.out / TARGETS[target], config.out / OTHERS[target]
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    _assert_mended(config, sound)


@pytest.mark.parametrize("target", TARGETS)
def test_a_folder_for_a_file_is_refused(config: BuildConfig, target: str) -> None:
    path = _find(config.out, target)
    path.unlink()
    (path / "precious").mkdir(parents=True)
    with pytest.raises(FolderInUseError, match="move it away"):
        fake.fake_build(config)
    assert (path / "precious").exists()


@pytest.mark.parametrize("folder", ["stats", "embeddings", "index", "sources"])
def test_lost_folders_are_mended(config: BuildConfig, sound: Path, folder: str) -> None:
    shutil.rmtree(config.out / folder)
    _assert_mended(config, sound)
    shutil.rmtree(config.out / folder)
    (config.out / folder).write_text("in the way")
    with pytest.raises(FolderInUseError, match="move it away"):
        fake.fake_build(config)


def test_a_bank_without_any_word_of_its_recipe_is_refused(config: BuildConfig) -> None:
    (config.out / "build.json").unlink()
    (config.out / "genie.json").unlink()
    shutil.rmtree(config.out / "stats")
    before = fake.files_of(config.out)
    with pytest.raises(FolderInUseError, match="not a bank"):
        fake.fake_build(config)
    assert fake.files_of(config.out) == before


def test_a_bank_of_others_is_refused_also_without_its_claim(
    config: BuildConfig, photos: Path
) -> None:
    (config.out / "build.json").unlink()
    shutil.rmtree(config.out / "stats")
    before = fake.files_of(config.out)
    with pytest.raises(FolderInUseError, match="put it back"):
        fake.fake_build(fake.config_of(photos, config.out, seed=1))
    assert fake.files_of(config.out) == before


def test_what_is_damaged_is_not_taken_from_a_cache_that_links_to_it(
    config: BuildConfig, photos: Path, sound: Path, tmp_path: Path
) -> None:
    cached = fake.config_of(photos, tmp_path / "linked", cache=tmp_path / "cache")
    fake.fake_build(cached)
    linked = [p for p in cached.out.glob("data-*") if p.stat().st_nlink > 1]
    for path in linked:
        _flip(path, 0.9)
    assert linked
    fake.fake_build(cached)
    assert verify_bank(cached.out) == []
    for path in sorted(sound.glob("data-*")):
        assert path.read_bytes() == (cached.out / path.name).read_bytes()


def test_verify_finds_what_a_build_needs_and_says_how_to_mend_it(
    config: BuildConfig, sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _flip(config.out / TARGETS["embeddings"])
    problem = "embeddings/00000.arrow: its SHA-256 is not the one in its statistics"
    assert verify_bank(config.out) == [problem]
    with pytest.raises(SystemExit) as ended:
        verify([str(config.out), "--repair"])
    assert ended.value.code == 1
    *_, command = capsys.readouterr().out.splitlines()
    words = command.split()
    assert words[:3] == ["python", "-m", "index.build"]
    main([*words[3:], "--preview", "0"])  # which is 12 by default, and no part of the recipe
    assert fake.files_of(config.out) == fake.files_of(sound)
    (config.out / "build.json").unlink()
    (config.out / "genie.json").write_text("{")
    with pytest.raises(SystemExit) as ended:
        verify([str(config.out), "--repair"])
    assert ended.value.code == 2
    assert "take it again from where it came from" in capsys.readouterr().out
