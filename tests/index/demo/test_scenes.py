"""The procedural scenes: reproducible, balanced, with true masks and captions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import ImageFolder

from index.demo.scenes import (
    BASE_CLASSES,
    CLASSES,
    COLORS,
    NOVEL_CLASSES,
    TEXTURES,
    SceneParams,
    Scenes,
    render,
)


def test_classes_are_split_into_base_and_novel() -> None:
    assert len(CLASSES) >= 12
    assert len(NOVEL_CLASSES) >= 6
    assert not set(BASE_CLASSES) & set(NOVEL_CLASSES)


def test_same_seed_same_scenes_and_other_seed_others() -> None:
    first, again, other = Scenes(2, seed=5), Scenes(2, seed=5), Scenes(2, seed=6)
    assert torch.equal(first.pixels(slice(None)), again.pixels(slice(None)))
    assert not torch.equal(first.pixels(slice(None)), other.pixels(slice(None)))


def test_a_scene_does_not_depend_on_what_is_rendered_beside_it() -> None:
    scenes = Scenes(3, seed=1)
    alone = torch.cat([scenes.pixels([row]) for row in range(len(scenes))])
    assert torch.equal(alone, scenes.pixels(slice(None)))


def test_item_is_a_pil_image_with_its_label() -> None:
    scenes = Scenes(2, classes=("star", "circle"))
    image, label = scenes[3]
    assert (image.size, image.mode, label) == ((64, 64), "RGB", 1)
    assert scenes.classes[label] == "circle"
    assert np.array_equal(np.asarray(image), scenes.pixels([3])[0].permute(1, 2, 0).numpy())


@pytest.mark.parametrize("name", CLASSES)
def test_mask_covers_the_object_and_nothing_else(name: str) -> None:
    scenes = Scenes(8, classes=[name], seed=3)
    params = scenes.params
    with_object, masks = render(params)
    repainted, _ = render(
        SceneParams(**{**vars(params), "color": (params.color + 1) % len(COLORS)})
    )
    changed = (with_object - repainted).abs().amax(1) > 1e-6
    assert changed[masks].float().mean() > 0.97  # nearly all of the object took the other colour
    grown = torch.nn.functional.max_pool2d(masks[:, None].float(), 5, 1, 2)[:, 0].bool()
    # and nothing outside its anti-aliased edge, but for tips thinner than a pixel
    assert changed[~grown].float().mean() < 1e-3
    assert (masks.float().mean((1, 2)) > 0.02).all()
    assert (masks.float().mean((1, 2)) < 0.5).all()


def test_area_of_the_circle_is_that_of_its_radius() -> None:
    scenes = Scenes(20, classes=["circle"], seed=2)
    expected = torch.pi * (0.85 * scenes.params.place[:, 2]) ** 2 / 4
    area = render(scenes.params)[1].float().mean((1, 2))
    torch.testing.assert_close(area, expected, rtol=0.03, atol=0)


def test_caption_names_what_was_drawn() -> None:
    scenes = Scenes(1, classes=["heart"], seed=4)
    words = scenes.caption(0).split()
    assert [words[0], words[2], words[3]] == ["a", "heart", "on"]
    assert words[1] in COLORS
    assert words[4] in COLORS
    assert words[1] != words[4]
    assert words[5] in TEXTURES


def test_image_folder_holds_the_same_images(tmp_path: Path) -> None:
    scenes = Scenes(2, classes=("star", "ring"))
    scenes.write_image_folder(tmp_path)
    folder = ImageFolder(str(tmp_path))
    assert folder.classes == ["ring", "star"]
    assert len(folder) == 4
    star = folder.samples.index((str(tmp_path / "star" / "000000.png"), 1))
    assert np.array_equal(np.asarray(folder[star][0]), np.asarray(scenes[0][0]))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown classes \['zebra'\]"):
        Scenes(1, classes=["zebra"])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Scenes(0)
