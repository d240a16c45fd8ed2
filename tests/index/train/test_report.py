"""What is written beside trained weights."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from index.train import report


def test_the_command_is_what_one_would_type(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SimpleNamespace(name="benchmarks.small_pipeline.__main__")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", "--out", "my models"])
    assert report._command() == "python -m benchmarks.small_pipeline --out 'my models'"
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert report._command() is None
