"""What importing costs is measured in another interpreter."""

from __future__ import annotations

from pathlib import Path

from benchmarks.import_time import measure


def test_seconds_of_another_interpreter(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 1.5 0.25\n")
    python.chmod(0o755)
    figures = measure(str(python), rounds=3)
    assert figures == {"rounds": 3, "torchvision_seconds": 1.5, "beyond_seconds": 0.25}
