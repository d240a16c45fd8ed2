"""The code of the README runs, and its commands exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torchvision.datasets import ImageFolder

from genie_transforms import GeNIeTransform
from index.demo.config import ClassifyConfig
from tests.blocks import python_blocks
from tests.coded import coded_image, write_coded_bank

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SVG = "http://www.w3.org/2000/svg"


def test_the_snippet_trains_on_what_the_demo_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of the snippet are those that `make demo` makes; see `test_demo_images`."""
    (snippet,) = python_blocks(README).values()
    folders = re.findall(r'\("([\w-]+)"', snippet)
    assert folders == [str(ClassifyConfig.bank), str(ClassifyConfig.images)]
    names = ["cat", "dog", "bird"]
    sources = [names[index % 3] for index in range(6)]
    write_coded_bank(tmp_path / folders[0], names, sources)
    for number, name in enumerate(sources):
        (tmp_path / folders[1] / name).mkdir(parents=True, exist_ok=True)
        coded_image(name, number).save(tmp_path / folders[1] / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    variables: dict[str, object] = {}
    exec(snippet, variables)
    train, augment = variables["train"], variables["augment"]
    assert isinstance(train, ImageFolder)
    genie = augment.transforms[0]  # type: ignore[attr-defined]
    assert isinstance(genie, GeNIeTransform)
    for image, label in (train[index] for index in list(range(6)) * 5):
        assert isinstance(image, torch.Tensor)
        assert (
            round(float(image[0, 0, 0]) * 255)
            == coded_image(train.classes[label], 0).getpixel((0, 0))[0]
        )
    assert genie.counters.seen == 30
    assert 5 < genie.counters.replaced < 25
    assert genie.counters.hit_share == 1


def test_the_first_commands_are_demo_and_test() -> None:
    shell = re.search(r"```bash\n(.*?)```", README, re.DOTALL)
    assert shell
    commands = [line.split("#")[0].strip() for line in shell[1].splitlines()]
    assert commands == ["make demo", "make test"]


def test_pictures_of_the_readme_exist() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^()]*)\)", README):
        assert (ROOT / path).is_file(), path


def test_badges_say_what_the_package_says() -> None:
    package = configparser.ConfigParser()
    package.read(ROOT / "setup.cfg")
    needs = dict(re.findall(r"(\w+)>=(\S+)", package["options"]["install_requires"]))
    said = {}
    for name in re.findall(r"docs/badges/(\w+)\.svg", README):
        texts = ElementTree.parse(ROOT / "docs" / "badges" / f"{name}.svg").iter(f"{{{SVG}}}text")
        left, right = (text.text or "" for text in texts)
        said[left] = right.removeprefix("≥ ")
    assert said == {
        "python": package["options"]["python_requires"].lstrip(">="),
        "torch": needs["torch"],
        "licence": package["metadata"]["license"],
        "arXiv": package["metadata"]["project_urls"].rsplit("/", 1)[-1],
    }
