"""The r* cache: kept, merged, and never mixed between recipes."""

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import UserError
from index.build.describe import scope_of
from index.generate.r_star import RStarCache


def _cache(scope: str = "s") -> RStarCache:
    cache = RStarCache(scope)
    cache.record("d1", "fox", 0.6)
    cache.record("d2", "fox", 0.7)
    cache.record("d1", 3, 0.9)
    return cache


def test_look_up() -> None:
    cache = _cache()
    assert (cache.get("d1", "fox"), cache.get("d1", 3), cache.get("d2", 3)) == (0.6, 0.9, None)
    assert cache.of_target("fox") == {"d1": 0.6, "d2": 0.7}
    assert len(cache) == 3


def test_round_trip_and_same_bytes_in_any_order(tmp_path: Path) -> None:
    _cache().save(tmp_path / "a.npz")
    again = RStarCache.load(tmp_path / "a.npz", scope="s")
    assert again.get("d1", 3) == 0.9
    assert len(again) == 3
    other = RStarCache("s")
    other.record("d1", "3", 0.9)
    other.record("d2", "fox", 0.7)
    other.record("d1", "fox", 0.6)
    other.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    RStarCache().save(tmp_path / "empty.npz")
    assert len(RStarCache.load(tmp_path / "empty.npz")) == 0


def test_merge_takes_the_newer() -> None:
    cache, newer = _cache(), RStarCache("s")
    newer.record("d1", "fox", 0.8)
    newer.record("d9", "owl", 0.5)
    cache.merge(newer)
    assert (cache.get("d1", "fox"), cache.get("d9", "owl"), len(cache)) == (0.8, 0.5, 4)


def test_scopes_are_not_mixed(tmp_path: Path) -> None:
    _cache("one").save(tmp_path / "c.npz")
    with pytest.raises(UserError, match="holds r\\* of scope 'one', not 'two'"):
        RStarCache.load(tmp_path / "c.npz", scope="two")
    with pytest.raises(ValueError, match="found under scope 'one' is not valid under 'two'"):
        RStarCache("two").merge(_cache("one"))
    assert scope_of({"a": 1, "b": 2}, {"c": 3}) == scope_of({"b": 2, "a": 1}, {"c": 3})
    assert scope_of({"a": 1}, {"b": 2}) != scope_of({"a": 1, "b": 2}, {})


@pytest.mark.parametrize("ratio", [0.0, 1.1, float("nan")])
def test_ratios_out_of_range_are_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=r"r\* must lie in \(0, 1\]"):
        RStarCache().record("d", "fox", ratio)


def test_no_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"no r\* cache at"):
        RStarCache.load(Path("/nowhere/r.npz"))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.npz").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"c\.npz is not an r\* cache"):
        RStarCache.load(tmp_path / "c.npz")


def test_r_stars_of_a_bank_and_of_a_sweep_are_the_same_numbers() -> None:
    cache = RStarCache()
    cache.record("a", "fox", 1 / 3)
    cache.record("b", "fox", float(np.float32(1 / 3)))  # as a bank stores it
    assert cache.get("a", "fox") == cache.get("b", "fox")
