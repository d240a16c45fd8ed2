"""What the same judge says of real images, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from genie_transforms import Bank, UserError
from genie_transforms.format import planes_of
from index.evaluate import EvaluateConfig
from index.evaluate.beside_real import RealImages, open_same_judge, real_hardness
from index.judge import Judge
from index.judge import main as judge_main
from index.sources import open_source
from tests.banks import CLASSES, all_pairs, source_image, write_bank
from tests.judged import judge as write_verdicts


def _colours(images: Tensor) -> Tensor:
    """Let the shares of red, green and blue be the probabilities of cat, dog and bird."""
    return images.float().mean((2, 3)).clamp(min=1e-6).log()


_JUDGE = Judge("python:colours", [[name] for name in CLASSES], _colours)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    """Labels 1 2 0 2 0 1 of sources 0 0 1 1 2 2; the third row is a dog to the judge, eye."""
    folder = write_bank(tmp_path / "bank", all_pairs(3))
    about = {"classes": {name: [number] for number, name in enumerate(CLASSES)}}
    write_verdicts(folder, "eye", [1, 2, 1, 2, 0, 1], about=about)
    return Bank.open(folder, keep=None)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two cats, the second of which looks like a dog, and a dog."""
    for name, colour in (("cat/1", (80, 16, 4)), ("cat/2", (10, 80, 10)), ("dog/1", (5, 90, 5))):
        path = tmp_path / "real" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(path)
    return tmp_path / "real"


def _images(real: Path) -> RealImages:
    source = open_source(str(real))
    return RealImages(source, np.array([0, 1]), np.arange(len(source.labels)))


def test_a_real_image_is_compared_with_the_source_of_a_right_negative_of_its_class(
    bank: Bank, real: Path
) -> None:
    found = real_hardness(_JUDGE, bank, "eye", _images(real), seed=0)
    assert (found["rows"], found["accuracy"], found["compared"]) == (3, pytest.approx(2 / 3), 2)
    # The only right cat was made from a bird: .04 of the first cat. Dogs were made from a cat and
    # from a bird, and the one here has .05 of each.
    assert found["source_probability"]["mean"] == pytest.approx((0.04 + 0.05) / 2)
    assert found["margin"]["mean"] == pytest.approx((0.76 + 0.85) / 2)


def test_classes_that_the_judge_does_not_know_are_not_asked_about(bank: Bank, real: Path) -> None:
    about = {"classes": {"cat": [], "dog": [1], "bird": [2]}}
    write_verdicts(bank.path, "eye", [1, 2, None, 2, None, 1], about=about)
    found = real_hardness(_JUDGE, Bank.open(bank.path, keep=None), "eye", _images(real), seed=0)
    assert (found["rows"], found["accuracy"]) == (1, 1.0)


def test_the_judge_sees_what_exif_turns_upright(tmp_path: Path) -> None:
    upright = source_image(0, 8)
    turned = Image.Exif()
    turned[0x0112] = 6  # a viewer turns it a quarter clockwise
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        sideways = upright.transpose(Image.Transpose.ROTATE_90)
        sideways.save(tmp_path / name / "1.png", exif=turned)
    planes = [image for image, _ in _images(tmp_path).planes(np.array([True, False]))]
    assert [image.tolist() for image in planes] == [planes_of(upright).tolist()]


def test_another_judge_is_refused(
    bank: Bank, real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    module = tmp_path / "colour_judges.py"
    code = (
        "def {}():\n    return lambda images: images.float().mean((2, 3)), ['cat', 'dog', 'bird']\n"
    )
    module.write_text(code.format("one") + code.format("two"))
    monkeypatch.syspath_prepend(tmp_path)
    judge_main([str(bank.path), "--classifier", "python:colour_judges:one", "--name", "own"])
    config = EvaluateConfig(
        bank.path, str(real), judge="own", classifier="python:colour_judges:one"
    )
    assert open_same_judge(config, bank).classes == [("cat",), ("dog",), ("bird",)]
    other = EvaluateConfig(bank.path, str(real), judge="own", classifier="python:colour_judges:two")
    with pytest.raises(UserError, match="own is what another judge than python:colour_judges:two"):
        open_same_judge(other, bank)
    with pytest.raises(UserError, match="--classifier demo needs --judge"):
        EvaluateConfig(bank.path, str(real), classifier="demo")
