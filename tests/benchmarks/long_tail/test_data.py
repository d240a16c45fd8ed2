"""Long-tailed subsets: sizes by the field's formula, rows by the seed, lists as ImageNet-LT's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets import LabelledSet, rows_of_half
from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.data import open_long_tail, open_pool, read_list
from benchmarks.training import TrainingConfig
from genie_transforms import MissingFileError, UserError
from index.sources import ClassName


def _levels(count: int, classes: int) -> LabelledSet:
    """`count` images of each class, each of a level of its own."""
    images = [np.full((4, 4, 3), k, np.uint8) for k in range(count * classes)]
    names = [f"class {k}" for k in range(classes)]
    targets = [k // count for k in range(count * classes)]
    return LabelledSet(names, targets, images, [ClassName(name) for name in names])


def test_halves_share_no_image_whatever_the_order_of_the_rows() -> None:
    data = _levels(9, 2)
    generator, classifier = (rows_of_half(data, half) for half in ("generator", "classifier"))
    assert sorted([*generator, *classifier]) == list(range(18))
    assert np.bincount(data.labels[generator]).tolist() == [5, 5]
    order = np.random.default_rng(0).permutation(18)
    shuffled = LabelledSet(
        data.classes,
        [data.targets[row] for row in order],
        [data.images[row] for row in order],
        data.names,
    )
    found = {int(shuffled.images[row][0, 0, 0]) for row in rows_of_half(shuffled, "generator")}
    assert found == {int(row) for row in generator}


def test_an_image_of_which_there_are_several_is_in_one_half_only() -> None:
    data = _levels(8, 2)
    images = [*data.images]
    # Three of one class are one image, and it is in the other class, too. Of 40 levels some have a
    # hash that puts them at the cut of one class, and some one that parts the classes.
    for level in range(40):
        images[0] = images[1] = images[2] = images[8] = np.full((4, 4, 3), 100 + level, np.uint8)
        twice = replace(data, images=images)
        generator, classifier = (rows_of_half(twice, h) for h in ("generator", "classifier"))
        assert np.bincount(data.labels[generator]).tolist() == [4, 4]
        shown = {int(images[row][0, 0, 0]) for row in generator}
        assert not shown & {int(images[row][0, 0, 0]) for row in classifier}
        lost = set(range(16)) - {*generator.tolist(), *classifier.tolist()}
        assert lost <= {0, 1, 2, 8}  # nothing but copies of what the generator has


def test_lists_are_read_as_imagenet_lt_has_them(tmp_path: Path) -> None:
    for folder in ("n02", "n01"):
        (tmp_path / "train" / folder).mkdir(parents=True)
        Image.new("RGB", (8, 6), "red").save(tmp_path / "train" / folder / "a b.png")
    lines = "train/n02/a b.png 0\ntrain/n01/a b.png 1\n"
    (tmp_path / "list.txt").write_text(lines)
    data = read_list(tmp_path / "list.txt", tmp_path)
    assert (data.classes, data.targets) == (["n02", "n01"], [0, 1])
    assert data[1][0].size == (8, 6)
    for text, message in (
        ("train/n02/a b.png\n", "line 1: expected `image label`"),
        (lines + "train/n03/c.png 0\n", "line 3: n02 has label 0, too"),
        ("train/n02/a b.png 1\n", "must be 0 to C - 1"),
    ):
        (tmp_path / "list.txt").write_text(text)
        with pytest.raises(UserError, match=message):
            read_list(tmp_path / "list.txt", tmp_path)
    (tmp_path / "list.txt").write_text(lines)
    with pytest.raises(MissingFileError, match="give its --root"):
        read_list(tmp_path / "list.txt", tmp_path / "elsewhere")


def test_wordnet_ids_are_not_said_in_prompts(tmp_path: Path) -> None:
    def opened(*folders: str, class_names: str = "") -> list[str]:
        for folder in folders:
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.new("RGB", (8, 6)).save(tmp_path / folder / "1.png")
        path = tmp_path / "list.txt"
        path.write_text("".join(f"{name}/1.png {k}\n" for k, name in enumerate(folders)))
        config = LongTailConfig(
            data="lists", root=tmp_path, train_list=path, test_list=path, largest=0,
            arms=("none",), class_names=class_names,
        )  # fmt: skip
        return [name.display for name in open_pool(config)[0].names]

    assert opened("n01440764", "n01443537", "red_fox") == ["tench", "goldfish", "red fox"]
    with pytest.raises(UserError, match=r"\['n99999999'\] are not classes of ImageNet"):
        opened("n01440764", "n99999999")
    names = tmp_path / "names.json"
    names.write_text('{"n99999999": "unicorn", "n01440764": "fish"}')
    assert opened("n01440764", "n99999999", class_names=str(names)) == ["fish", "unicorn"]


def test_a_list_may_not_give_two_classes_one_name(tmp_path: Path) -> None:
    for folder in ("a/outdoor", "b/outdoor", "flat"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("RGB", (8, 6)).save(tmp_path / folder / "1.png")
    (tmp_path / "list.txt").write_text("a/outdoor/1.png 0\nb/outdoor/1.png 1\n")
    # The second class's negatives would be looked up by name, and given the first one's label.
    with pytest.raises(UserError, match=r"folders \['outdoor'\] have several labels"):
        read_list(tmp_path / "list.txt", tmp_path)
    (tmp_path / "list.txt").write_text("flat/1.png 0\nflat/1.png 1\n")
    data = read_list(tmp_path / "list.txt", tmp_path, ["n1", "n2"])
    assert (data.classes, data.targets) == (["n1", "n2"], [0, 1])
    # A test image in the folder of another class is a mistake, wherever the list comes from.
    (tmp_path / "list.txt").write_text("a/outdoor/1.png 0\nflat/1.png 1\n")
    with pytest.raises(UserError, match=r"line 1: outdoor has label 1 among the training images"):
        read_list(tmp_path / "list.txt", tmp_path, ["n1", "outdoor"])


def test_own_images_are_not_halved_unless_asked(tmp_path: Path) -> None:
    data = _levels(8, 2)
    for changes, expected in (({}, 16), ({"half": "classifier"}, 8)):
        config = LongTailConfig(data="folder", largest=0, arms=("none",), **changes)  # type: ignore[arg-type]
        assert len(open_long_tail(config, data, data, 0).rows) == expected
    config = LongTailConfig(data="cifar10", largest=0, arms=("none",))
    assert len(open_long_tail(config, data, data, 0).rows) == 8


def test_quick_is_quick_whatever_the_training_and_has_its_own_arms(tmp_path: Path) -> None:
    training = TrainingConfig(epochs=90.0, warmup_epochs=5.0)
    lists = {"data": "lists", "train_list": tmp_path, "test_list": tmp_path}
    config = LongTailConfig(quick=True, training=training, **lists).scaled_down()  # type: ignore[arg-type]
    assert (config.data, config.training.in_steps(226).num_steps) == ("demo", 20)
    for changes in ({"arms": ("none", "real-g")}, {"seeds": (3,)}):
        with pytest.raises(UserError, match="arms and seeds of its own: leave --arms"):
            LongTailConfig(quick=True, **changes)  # type: ignore[arg-type]


def test_the_demo_keeps_training_and_control_images_apart() -> None:
    config = LongTailConfig(quick=True).scaled_down()
    tail = open_long_tail(config, *open_pool(config), seed=0)
    assert sorted(tail.counts.tolist()) == [3, 6, 13, 27, 57, 120]
    assert sorted(tail.counts[tail.few].tolist()) == [3, 6, 13]
    assert not set(tail.rows) & set(tail.generator_rows)
    assert len(tail.training_set) == 226
    assert tail.training_set.targets == tail.labels.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ("none", "genee")}, r"unknown arms \['genee'\]; choose among none"),
        ({"data": "lists"}, "--data lists needs --train-list"),
        ({"data": "folder"}, "give --model, the diffusion model that makes the banks"),
        ({"bank": Path("bank")}, "--bank needs --largest 0"),
        ({"imbalance": 0.5}, "imbalance must be at least 1"),
        ({"seeds": (1, 1)}, "seeds are different numbers"),
        ({"inversion_iterations": 0}, "inversion_iterations must be at least 1"),
        ({"knowledge": "unaware"}, "--knowledge unaware is of a --model: give one"),
        (
            {"knowledge": "closed-world", "model": "m", "largest": 0, "arms": ("genie",)},
            "closed-world needs --largest",
        ),
        (
            {"knowledge": "unaware", "model": "m"},
            "--arms real-g .* with --knowledge unaware there are",
        ),
    ],
)
def test_settings_are_checked_first(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LongTailConfig(**changes)  # type: ignore[arg-type]
