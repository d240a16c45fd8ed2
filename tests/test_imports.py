"""What may be imported: nothing heavy by the light part, nothing private from outside.

Training machines install the light part only, so importing it must load nothing heavy.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genie_transforms

REPOSITORY = Path(__file__).parents[1]
HEAVY = ("diffusers", "transformers", "faiss", "datasets", "huggingface_hub", "ray")
HEAVY += ("index", "benchmarks")


def loaded_by(statement: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Run a statement in a new interpreter and name the heavy modules that it loaded."""
    report = f"import sys; print(*[name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", f"{statement}; {report}"], capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_the_import_is_light() -> None:
    assert loaded_by("import genie_transforms") == []


def test_that_this_test_can_fail() -> None:
    assert "datasets" in loaded_by("import genie_transforms, datasets")


@pytest.mark.parametrize(
    "statement",
    [
        "from genie_transforms import UserError",
        "from index.build import main",
        "from index.config import BuildConfig",
        "from index.diffusion import ModelConfig, WeightsConfig",
        "from index.plan import PlanConfig, make_plan",
        "from index.demo.train import main",
        "from index.invert import main",
        "from index.leakage import main",
        "from index.report import main",
        "from index.status import main",
        "from index.verify import main",
    ],
)
def test_settings_are_there_without_what_they_open(statement: str) -> None:
    heavy = ("torch", "torchvision", "diffusers", "transformers", "faiss", "pyarrow", "PIL")
    assert loaded_by(statement, heavy) == []
    assert loaded_by(f"{statement}; import torch", heavy) == ["torch"]


def private_imports(source: str) -> list[str]:
    """Name what a source imports from the private parts of `genie_transforms`."""
    modules = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in modules if name.startswith("genie_transforms._")]


@pytest.mark.parametrize("package", ["index", "benchmarks"])
def test_nobody_outside_imports_private_parts(package: str) -> None:
    files = list((REPOSITORY / package).rglob("*.py"))
    assert len(files) > 10
    found = {str(file): private_imports(file.read_text()) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import genie_transforms._bank", ["genie_transforms._bank"]),
        ("import genie_transforms._bank.bank as b", ["genie_transforms._bank.bank"]),
        ("from genie_transforms import _digest", ["genie_transforms._digest"]),
        ("def f():\n  from genie_transforms._bank import x", ["genie_transforms._bank.x"]),
        ("from genie_transforms import Bank\nimport genie_transforms.format", []),
        ("from ._digest import x", []),
    ],
)
def test_that_the_test_of_private_imports_can_fail(source: str, found: list[str]) -> None:
    assert private_imports(source) == found


def test_exported_names() -> None:
    assert genie_transforms.__all__ == sorted(genie_transforms.__all__)
    for name in genie_transforms.__all__:
        assert getattr(genie_transforms, name).__module__.startswith("genie_transforms.")
    public = {name for name in dir(genie_transforms) if not name.startswith("_")}
    assert public == {*genie_transforms.__all__, "format"}  # the one public room
    assert genie_transforms.format.verify_bank
    with pytest.raises(AttributeError, match="'genie_transforms' has no attribute 'Bnak'"):
        genie_transforms.Bnak  # noqa: B018


def test_the_errors_of_a_user_are_exported() -> None:
    """Programs tell a mistake in what the user gave from a defect by them."""
    expected = {"BankNotFoundError", "FolderInUseError", "MissingFileError"}
    expected |= {"MissingPackageError", "UserError"}
    assert expected <= set(genie_transforms.__all__)


def test_errors_form_a_tree() -> None:
    for name in genie_transforms.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(genie_transforms, name), genie_transforms.GeNIeError)


def test_version_is_a_literal() -> None:
    assert genie_transforms.__version__ == "0.2.0"
