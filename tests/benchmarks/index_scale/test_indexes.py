"""The index is measured on few vectors; committed results are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.index_scale import indexes
from benchmarks.index_scale.finished import Finished
from benchmarks.index_scale.indexes import Vectors, arms, fill, good_enough, measure, on_paper
from benchmarks.index_scale.vectors import DIMENSION, clouds

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_bytes_of_a_flat_index_are_those_of_its_vectors() -> None:
    index = fill("Flat", clouds(1000, seed=1))
    assert 0 <= indexes.stored_bytes(index) - 1000 * (DIMENSION * 4 + 8) < 1000


def test_cells_grow_with_the_size() -> None:
    assert [factory for factory, _ in arms(10_000)] == [
        "Flat", "IVF256,Flat", "IVF256,PQ96", "IVF256,PQ96,RFlat", "HNSW32",
    ]  # fmt: skip
    assert arms(1_000_000)[1] == ("IVF2048,Flat", ["nprobe=8", "nprobe=32", "nprobe=64"])


def test_what_was_measured_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [("Flat", [""]), ("IVF8,Flat", ["nprobe=1", "nprobe=8"]), ("IVF4,PQ8x4,RFlat", [
        "nprobe=4,k_factor_rf=4"])]  # fmt: skip
    monkeypatch.setattr(indexes, "arms", lambda _: few)
    data = Vectors("clustered", 600, 50)
    steps = measure(data, Finished(tmp_path))
    first = [next(steps), next(steps)]  # and stopped
    rows = list(measure(data, Finished(tmp_path)))
    assert rows[:2] == first
    assert [row["factory"] for row in rows] == ["Flat", *["IVF8,Flat"] * 2, "IVF4,PQ8x4,RFlat"]
    assert rows[0]["recall_at_10"] == rows[2]["recall_at_10"] == 1.0  # all cells are searched
    assert rows[1]["recall_at_10"] < 1
    assert rows[0]["distribution"] == "clustered"

    def refuse(*_: Any) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(indexes, "fill", refuse)
    assert list(measure(data, Finished(tmp_path))) == rows
    with pytest.raises(AssertionError, match="built again"):
        next(measure(Vectors("clustered", 600, 51), Finished(tmp_path)))


def test_on_paper_by_hand() -> None:
    results = [
        {"size": 10, "factory": "Flat", "bytes_per_vector": 4000.0},
        {"size": 20, "factory": "Flat", "bytes_per_vector": 3080.0},
    ]
    assert on_paper(results) == {"Flat": 308.0}


def test_good_enough_by_hand() -> None:
    def row(size: int, factory: str, recall: float, speed: float) -> dict[str, Any]:
        return {
            "distribution": "clouds", "size": size, "factory": factory, "parameters": "",
            "recall_at_10": recall, "queries_per_second": speed,
        }  # fmt: skip

    rows = [
        row(10, "Flat", 1.0, 5.0),
        row(10, "A", 0.98, 900.0),
        row(10, "B", 0.99, 50.0),
        row(10, "C", 0.995, 80.0),
        row(20, "Flat", 1.0, 5.0),
        row(20, "B", 1.0, 49.0),
    ]
    (chosen,) = good_enough(rows)
    assert (chosen["size"], chosen["factory"], chosen["speedup"]) == (10, "C", 16.0)


def test_committed_results_are_read() -> None:
    result = json.loads((RESULTS / "index_scale.json").read_text())
    assert on_paper(result["arms"]) == result["gigabytes_of_100m"]
