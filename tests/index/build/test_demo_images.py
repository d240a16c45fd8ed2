"""What the demo leaves beside its bank."""

from __future__ import annotations

from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from genie_transforms import source_digest
from index.build import main
from index.build.demo_images import leave_images
from index.config import BuildConfig
from index.demo.config import ClassifyConfig
from index.demo.scenes import Scenes
from index.sources import open_source

from .executors import fragile


def test_the_folder_holds_what_the_bank_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = leave_images(BuildConfig())
    assert said.splitlines()[1] == (
        "next         python -m index.demo.classify: train with and without the bank"
    )
    photos = ImageFolder(str(ClassifyConfig.images))  # where that command looks by default
    assert len(photos) == 42
    source = open_source("")
    known = {
        source_digest(source.image(row)): source.class_names[source.labels[row]]
        for row in range(len(source))
    }
    assert known == {source_digest(image): photos.classes[label] for image, label in photos}
    before = {path: path.stat().st_mtime_ns for path in Path("demo-images").rglob("*.png")}
    assert leave_images(BuildConfig()) == said
    assert before == {path: path.stat().st_mtime_ns for path in Path("demo-images").rglob("*.png")}


def test_another_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "banks" / "demo-images" / "mine.txt"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    said = leave_images(BuildConfig(out=Path("banks/demo")))
    assert "not written: banks/demo-images holds something else" in said
    assert list(other.parent.iterdir()) == [other]


@pytest.mark.parametrize("demo", [True, False])
def test_only_the_demo_leaves_images(
    demo: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GENIE_FRAGILE", str(tmp_path))
    Scenes(2, classes=("star", "ring"), seed=1).write_image_folder(tmp_path / "scenes")
    backbone = f"python:{fragile.__name__}:fragile"
    others = [] if demo else ["--source", str(tmp_path / "scenes"), "--backbone", backbone]
    arguments = ["--out", str(tmp_path / "bank"), *others, "--method", "genie"]
    arguments += ["--max-pairs", "2", "--num-inference-steps", "4", "--preview", "0"]
    main([*arguments, "--dry-run"])
    assert not (tmp_path / "demo-images").exists()
    main(arguments)
    assert (tmp_path / "demo-images").exists() == demo
    command = f"index.demo.classify --bank {tmp_path / 'bank'} --images"
    assert (command in capsys.readouterr().out) == demo
