"""Every command of the packages answers `--help`, and says a user's mistake in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]

COMMANDS = [
    "benchmarks.ada_modes",
    "benchmarks.analyses",
    "benchmarks.build_speed",
    "benchmarks.choosing_r",
    "benchmarks.confounded",
    "benchmarks.demo",
    "benchmarks.few_shot",
    "benchmarks.few_shot.splits",
    "benchmarks.figures",
    "benchmarks.filters",
    "benchmarks.fine_grained",
    "benchmarks.hardness",
    "benchmarks.import_time",
    "benchmarks.index_scale",
    "benchmarks.long_tail",
    "benchmarks.long_tail.livt",
    "benchmarks.long_tail.vl_ltr",
    "benchmarks.price",
    "benchmarks.prompts",
    "benchmarks.scale",
    "benchmarks.scale_model",
    "benchmarks.small_pipeline",
    "benchmarks.small_pipeline.check",
    "benchmarks.tables",
    "benchmarks.throughput",
    "benchmarks.unisiam",
    "index.build",
    "index.convert",
    "index.curate",
    "index.demo.classify",
    "index.demo.train",
    "index.evaluate",
    "index.invert",
    "index.judge",
    "index.leakage",
    "index.report",
    "index.status",
    "index.verify",
]
"""A new command is added here; none may vanish."""


def _found() -> list[str]:
    """Return the modules that run as a command: those that ask whether they are `__main__`."""
    found = []
    for package in ("benchmarks", "index", "genie_transforms"):
        for path in (ROOT / package).rglob("*.py"):
            if re.search(r'^if __name__ == "__main__":$', path.read_text(), re.MULTILINE):
                parts = path.relative_to(ROOT).with_suffix("").parts
                found.append(".".join(part for part in parts if part != "__main__"))
    return sorted(found)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_no_command_vanishes() -> None:
    assert _found() == COMMANDS


_LOADED = """
import atexit, runpy, sys
sys.argv = [sys.argv[1], "--help"]
heavy = ("torch", "diffusers", "transformers", "sklearn", "matplotlib", "pyarrow")
atexit.register(lambda: print("loaded:", [name for name in heavy if name in sys.modules]))
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def _help(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _LOADED, name], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_command_answers_help_without_what_it_needs_to_run() -> None:
    found = _found()
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(found, pool.map(_help, found), strict=True))
    wrong = {
        name: result.stderr or result.stdout
        for name, result in results.items()
        if result.returncode
        or f"python -m {name}" not in result.stdout
        or "loaded: []" not in result.stdout
    }
    assert not wrong


def test_a_mistake_of_the_user_ends_without_a_traceback() -> None:
    with ThreadPoolExecutor(2) as pool:
        folder = pool.submit(_run, "index.build", "--source", "/nowhere")
        setting = pool.submit(_run, "index.build", "--pairs", "neerest:5", "--source", "/nowhere")
    assert folder.result().stderr == "error: --source /nowhere: no such folder or file\n"
    assert re.fullmatch(r"error: .*'neerest:5'\n", setting.result().stderr)
    for result in (folder.result(), setting.result()):
        assert result.returncode == 2
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
