"""Training machines install the light part only: importing it must load nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import genie_transforms

HEAVY = ("diffusers", "transformers", "faiss", "datasets", "huggingface_hub", "ray")
HEAVY += ("index", "benchmarks")
REPORT = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"


def loaded_by(statement: str) -> list[str]:
    """Run a statement in a new interpreter and name the heavy modules that it loaded."""
    result = subprocess.run(
        [sys.executable, "-c", f"{statement}; {REPORT}"], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_the_import_is_light() -> None:
    assert loaded_by("import genie_transforms") == []


def test_that_this_test_can_fail() -> None:
    assert "datasets" in loaded_by("import genie_transforms, datasets")


def test_exported_names() -> None:
    assert genie_transforms.__all__ == sorted(genie_transforms.__all__)
    for name in genie_transforms.__all__:
        assert getattr(genie_transforms, name).__module__.startswith("genie_transforms.")
    public = {name for name in vars(genie_transforms) if not name.startswith("_")}
    assert public == set(genie_transforms.__all__)


def test_errors_form_a_tree() -> None:
    for name in genie_transforms.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(genie_transforms, name), genie_transforms.GeNIeError)


def test_version_is_a_literal() -> None:
    assert genie_transforms.__version__ == "0.1.0"
