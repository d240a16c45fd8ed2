"""The README's code runs, and its commands exist."""

import re
from pathlib import Path

import pytest
import torch

from .banks import CLASSES, source_image, write_bank

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_is_code_to_run() -> None:
    assert len(BLOCKS) >= 1


@pytest.mark.parametrize("block", BLOCKS)
def test_python_blocks_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bank(tmp_path / "genie-bank")
    for index in range(6):
        folder = tmp_path / "photos" / CLASSES[index % 3]
        folder.mkdir(parents=True, exist_ok=True)
        source_image(index).save(folder / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(block, names)
    image, _ = names["train"][0]  # type: ignore[index]
    assert isinstance(image, torch.Tensor)


def test_the_first_commands_are_demo_and_test() -> None:
    shell = re.search(r"```bash\n(.*?)```", README, re.DOTALL)
    assert shell
    commands = [line.split("#")[0].strip() for line in shell[1].splitlines()]
    assert commands == ["make demo", "make test"]


def test_pictures_of_the_readme_exist() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).is_file(), path
