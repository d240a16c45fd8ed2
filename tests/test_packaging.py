"""What is installed: the wheel, its requirements, its commands, and its oldest versions."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest

from index import installed

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg")
EXTRAS = SETUP["options.extras_require"]

IMPORTED_AS = {
    "faiss-cpu": "faiss",
    "flask-cors": "flask_cors",
    "moto[s3]": "moto",
    "pillow": "PIL",
    "pytest-timeout": "pytest_timeout",
    "pytest-xdist": "xdist",
    "pytorch-lightning": "pytorch_lightning",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
"""Module of each requirement that is not called like it."""

OPTIONAL = {
    "genie_transforms": {"huggingface_hub"},
    "index": {"datasets", "ray", "sklearn", "timm"},
    "benchmarks": {"umap"},
}
"""What is imported where it is used, with an error that says what to install, or another way."""

PLUGINS = {"flask", "flask_cors", "ipykernel", "pytest_timeout", "tensorboard", "xdist"}
"""What is used without being imported."""


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(("%", "#"))]


def floors(*extras: str) -> dict[str, str]:
    """Give the lowest version of each requirement, by name, of the base and some extras."""
    required = lines_of(SETUP["options"]["install_requires"])
    for extra in extras:
        required += lines_of(EXTRAS[extra])
    return dict(one.split(">=") for one in required)


def modules(requirements: Iterable[str]) -> set[str]:
    return {IMPORTED_AS.get(name, name) for name in requirements}


def imported(package: str) -> set[str]:
    """Name the modules from elsewhere that a package's files import, anywhere in them."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"genie_transforms", "index", "benchmarks", "tests"}


def test_what_training_imports_is_required() -> None:
    assert imported("genie_transforms") - OPTIONAL["genie_transforms"] == modules(floors())


def test_what_building_imports_is_the_extra_index() -> None:
    allowed = modules(floors("index"))
    used = imported("index") - OPTIONAL["index"]
    assert used <= allowed
    # Everything is used, and what is missing is told before it is imported.
    assert modules(floors("index")) - modules(floors()) == used - modules(floors())
    assert set(installed._PACKAGES["index"]) == used - modules(floors())
    evaluate = modules(floors("evaluate")) - modules(floors())
    assert set(installed._PACKAGES["evaluate"]) == evaluate
    bench = modules(floors("bench")) - modules(floors("index"))
    assert set(installed._PACKAGES["bench"]) == bench


def test_what_benchmarks_and_tests_import_is_in_their_extras() -> None:
    bench, everything = floors("index", "bench"), floors("index", "bench", "hub", "test")
    assert imported("benchmarks") - OPTIONAL["benchmarks"] <= modules(bench)
    assert imported("tests") <= modules(everything)
    extra = modules(floors("bench", "test")) - modules(floors()) - PLUGINS
    assert extra <= imported("benchmarks") | imported("tests")
    assert {lines for lines in EXTRAS["dev"].split() if lines.startswith("%")} >= {
        f"%({name})s" for name in ("bench", "hub", "test")
    }


def test_the_floors_are_the_versions_that_are_tested() -> None:
    pins = lines_of((ROOT / "constraints-lowest.txt").read_text())
    lowest = dict(line.split("==") for line in pins)
    declared = floors("index", "hub", "hf")
    assert lowest == declared


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy: a folder build/ of earlier times would be packed, too."""
    folder = tmp_path_factory.mktemp("wheel")
    for package in ("genie_transforms", "index", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(folder / "out")]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    (path,) = (folder / "out").iterdir()
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_two_packages(wheel: zipfile.ZipFile) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("genie_transforms", "index")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "index/demo/pipeline/tokenizer/vocab.json" in expected
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_the_wheel_says_what_it_needs_and_where_it_comes_from(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    lines = wheel.read(name).decode().splitlines()
    assert "Requires-Python: >=3.10" in lines
    assert "Requires-Dist: pillow>=10.1.0" in lines
    assert any(line.startswith("Project-URL: ") for line in lines)
    extras = {line.split()[1] for line in lines if line.startswith("Provides-Extra: ")}
    assert extras == {"bench", "dev", "docs", "evaluate", "hf", "hub", "index", "ray", "test"}


def test_every_command_has_a_script() -> None:
    scripts = dict(
        line.split(" = ") for line in lines_of(SETUP["options.entry_points"]["console_scripts"])
    )
    commands = {
        path.relative_to(ROOT / "index").with_suffix("").parts[0]
        for path in [*(ROOT / "index").glob("*.py"), *(ROOT / "index").glob("*/__main__.py")]
        if re.search(r'^if __name__ == "__main__":$', path.read_text(), re.MULTILINE)
    }
    assert scripts == {f"genie-{name}": f"index.{name}:main" for name in commands}
    for target in scripts.values():
        module, function = target.split(":")
        assert callable(getattr(import_module(module), function))


WITHOUT = """
import sys
for name in ("diffusers", "faiss", "tyro"):
    sys.modules[name] = None  # as if not installed
"""


def _start(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "code",
    [
        "sys.argv = ['/opt/bin/genie-verify', 'bank']\nfrom index.verify import main\nmain()",
        "sys.argv = ['-m', 'bank']\nimport runpy\nrunpy.run_module('index.build')",
    ],
    ids=["script", "module"],
)
def test_a_command_without_its_packages_says_in_one_line_what_to_install(code: str) -> None:
    result = _start(code)
    message = "diffusers, faiss, tyro not installed: pip install 'genie-transforms[index]'"
    assert result.stderr == f"error: {message}\n"
    assert (result.returncode, result.stdout) == (2, "")


def test_a_benchmark_without_its_packages_says_what_to_install() -> None:
    code = "sys.modules['scipy'] = None\nimport runpy\n"
    code += "sys.argv = ['x', '--data', 'folder', '--root', '.', '--out', 'x', '--work', 'w']\n"
    start = [sys.executable, "-c", f"import sys\n{code}runpy.run_module('benchmarks.unisiam', "
             "run_name='__main__')"]  # fmt: skip
    result = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stderr == "error: scipy not installed: pip install '.[bench]'\n"
    assert result.returncode == 2


def test_a_program_without_the_packages_gets_an_error_and_can_train() -> None:
    code = "import genie_transforms\ntry:\n    import index\n"
    code += "except genie_transforms.MissingPackageError as error:\n    print(error)\n"
    result = _start(f"{code}from genie_transforms import Bank")
    assert "pip install 'genie-transforms[index]'" in result.stdout
    assert result.returncode == 0


def test_a_script_is_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from index.verify import main

    monkeypatch.setattr(sys, "argv", ["/opt/bin/genie-verify"])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "usage: genie-verify" in capsys.readouterr().out


def test_no_folder_of_tests_is_left_out(request: pytest.FixtureRequest) -> None:
    left_out = request.config.getini("norecursedirs")
    folders = {
        folder
        for path in (ROOT / "tests").rglob("test_*.py")
        for folder in path.relative_to(ROOT).parent.parts
    }
    assert "build" in folders
    assert {f for f in folders if any(fnmatch(f, pattern) for pattern in left_out)} == set()
