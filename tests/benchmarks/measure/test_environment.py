"""What a result says about the machine and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure.environment import environment

ROOT = Path(__file__).parents[3]
PROGRAM = (
    "import json; from benchmarks.measure import environment; print(json.dumps(environment()))"
)


@pytest.mark.parametrize(
    ("file", "arguments", "command"),
    [
        ("room/__main__.py", ["-m", "room", "--n-way", "5"], "python -m room --n-way 5"),
        ("room/part.py", ["-m", "room.part", "a b"], "python -m room.part 'a b'"),
        ("script.py", ["script.py"], "python script.py"),
    ],
)
def test_a_command_is_what_one_would_type(
    file: str, arguments: list[str], command: str, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(PROGRAM)
    said = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(said)["command"] == command


def test_the_machine_is_described() -> None:
    machine = environment()["machine"]
    assert set(machine) - {"gpu"} == {
        "cpu", "cores", "threads", "memory_gib", "system", "load_average"
    }  # fmt: skip
    assert machine["cpu"]
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)
    assert machine["memory_gib"] > 0
