"""Parts of the throughput benchmark, measured one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.throughput.run import Config, main
from genie_transforms import UserError


def test_parts_are_measured_one_by_one_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "throughput.json"
    small: dict[str, Any] = {"size": 16, "batch_size": 4, "rows": 200, "rounds": 2, "json": path}
    main(Config(only=("call",), **small))
    main(Config(only=("batch",), **small))
    result = json.loads(path.read_text())
    assert {row["dtype"] for row in result["batch"]} == {"float32", "uint8"}
    assert any(row["arm"] == "kept" for row in result["call"])
    assert sorted(result["runs"]) == ["batch", "call"]
    assert result["runs"]["call"]["machine"]["cores"] >= 1
    with pytest.raises(UserError, match="image_size 16, this run 32"):
        main(Config(only=("call",), **{**small, "size": 32}))
