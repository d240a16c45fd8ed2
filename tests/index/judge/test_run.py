"""The command: a judge is measured on real images, asked, and never takes another's place."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from genie_transforms import Bank
from index.demo import Scenes
from index.judge import SavedJudge, main, save_judge
from index.judge.run import default_name, real_summary
from index.judge.saved import make_network
from tests.banks import row, write_bank

NAMES = ["arrow", "bolt", "fish"]


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    rows = [row(k, k, k % 3, (k + 1) % 3, size=64) for k in range(4)]
    return write_bank(tmp_path / "bank", rows, class_names=NAMES)


def test_real_images_first_then_columns(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = Scenes(3, NAMES, 2**20)
    for place, (pixels, label) in enumerate(
        zip(scenes.pixels(slice(None)), scenes.targets, strict=True)
    ):
        folder = tmp_path / "real" / NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        VF.to_pil_image(pixels).save(folder / f"{place}.png")
    command = [str(bank), "--classifier", "demo", "--on-real", str(tmp_path / "real")]
    main([*command, "--device", "cpu"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("on real images: ")
    assert " of 9 right" in said[0]
    assert "4 show their target" in said[2]
    assert Bank.open(bank, keep=None).column("demo_class").dtype == np.int32

    main([str(bank), "--classifier", "demo", "--name", "second", "--device", "cpu"])
    assert {"demo_class", "second_class"} <= set(Bank.open(bank, keep=None)[0].judgements)


def test_real_images_are_judged_upright(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def halves(images: Tensor) -> Tensor:
        """See an arrow where the upper half is brighter, and a bolt where the lower half is."""
        upper, lower = images.float().chunk(2, 2)
        return torch.stack([half.mean((1, 2, 3)) for half in (upper, lower)], 1)

    module = types.ModuleType("judge_of_halves")
    vars(module)["make"] = lambda: (halves, NAMES[:2])
    monkeypatch.setitem(sys.modules, "judge_of_halves", module)
    turned = Image.Exif()
    turned[0x0112] = 6  # a viewer turns it a quarter clockwise
    for name, box in (("arrow", (0, 0, 16, 4)), ("bolt", (0, 4, 16, 8))):
        upright = Image.new("RGB", (16, 8))
        upright.paste((255, 255, 255), box)
        (tmp_path / "real" / name).mkdir(parents=True)
        sideways = upright.transpose(Image.Transpose.ROTATE_90)
        sideways.save(tmp_path / "real" / name / "1.jpg", exif=turned)
    classes = tmp_path / "classes.json"
    classes.write_text('{"fish": null}')
    spec = ["--classifier", "python:judge_of_halves:make", "--classes", str(classes)]
    main([str(bank), *spec, "--on-real", str(tmp_path / "real"), "--device", "cpu"])
    assert "on real images: 2 of 2 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--name", "rejected"], "what people say"),
        (["--name", "Oracle"], "lower-case letter"),
        (["--prompt", "a photo"], "has no {target}"),
        (["--on-real", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line(
    bank: Path, arguments: list[str], match: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(bank), "--classifier", "demo", "--device", "cpu", *arguments])
    assert stop.value.code == 2
    assert match in caplog.text


def test_another_judge_needs_another_name(bank: Path, caplog: pytest.LogCaptureFixture) -> None:
    from tests.judged import judge

    judge(bank, "demo", [0] * 4, about={"classifier": "folder:mine"})
    with pytest.raises(SystemExit):
        main([str(bank), "--classifier", "demo", "--device", "cpu"])
    assert "demo is what folder:mine says" in caplog.text


def test_a_folder_of_the_same_name_is_another_judge(
    bank: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    about = SavedJudge("resnet10", NAMES, 32, 32, [0.5] * 3, [0.5] * 3)
    commands = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        folder = tmp_path / f"seed-{seed}" / "base"
        save_judge(folder, make_network(about), about)
        commands.append([str(bank), "--classifier", f"folder:{folder}", "--device", "cpu"])
    main(commands[0])
    first = Bank.open(bank, keep=None).column("base_target_probability")
    main(commands[0])  # the same again, as after the bank has grown
    with pytest.raises(SystemExit) as stop:
        main(commands[1])
    assert stop.value.code == 2
    assert "they differ in weights_sha256. Give another --name" in caplog.text
    main([*commands[1], "--name", "second"])
    after = Bank.open(bank, keep=None)
    np.testing.assert_array_equal(after.column("base_target_probability"), first)
    assert (after.column("second_target_probability") != first).any()


def test_names_of_columns() -> None:
    assert default_name("demo") == "demo"
    assert default_name("torchvision:resnet50:IMAGENET1K_V2") == "resnet50"
    assert default_name("timm:resnet50d.a1_in1k") == "resnet50d_a1_in1k"
    assert default_name("clip:openai/clip-vit-base-patch32") == "clip_vit_base_patch32"
    assert default_name("folder:/home/me/3 Nets/") == "judge_3_nets"


def test_the_worst_classes_are_named() -> None:
    said = real_summary(np.array([4, 0, 2]), np.array([4, 0, 1]), ["a", "b", "c"])
    assert said == (
        "on real images: 5 of 6 right, 83.3 %; mean of the classes 75.0 %, the lowest: c 1/2, a 4/4"
    )
