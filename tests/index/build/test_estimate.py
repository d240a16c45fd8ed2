"""A dry run says what the build then does."""

from pathlib import Path
from typing import Any

import pytest

from genie_transforms import FolderInUseError
from genie_transforms.format.manifest import Manifest
from index.build import build, report_build
from index.build.estimate import Estimate, network_rows_per_pair
from index.build.prepare import resolve
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.diffusion.families import load_family

CLASSES = ("arrow", "drop", "fish")


@pytest.fixture
def settings(stable_diffusion_folder: Path, tmp_path: Path) -> dict[str, Any]:
    Scenes(2, classes=CLASSES, seed=1).write_image_folder(tmp_path / "photos")
    return {
        "source": str(tmp_path / "photos"),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "out": tmp_path / "bank",
        "num_inference_steps": 4,
        "resolution": 16,
        "pairs_per_shard": 5,
        "preview": 0,
    }


def _lines(printed: str) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in printed.splitlines() if line)
    return dict(lines)


@pytest.mark.parametrize("guidance", [7.5, 1.0])
def test_rows_are_predicted_exactly(settings: dict[str, Any], guidance: float) -> None:
    config = {**settings, "guidance_scale": guidance, "only_classes": ("drop", "fish")}
    said = _lines(report_build(BuildConfig(**config, dry_run=True)))
    assert not settings["out"].exists()
    assert said["plan"] == "8 pairs of 2 targets in 2 shards"
    assert (said["drop"], said["fish"]) == ("4", "4")
    assert "arrow" not in said
    assert said["made"] == "before  0 pairs"
    counts = Manifest.read(build(BuildConfig(**config))).counts
    assert (
        f"8 pairs x {counts['network_rows'] // 8} = {counts['network_rows']} rows"
        in (said["network"])
    )
    assert said["disk"].startswith("about 0.")


def test_pairs_that_were_made_cost_nothing(settings: dict[str, Any]) -> None:
    build(BuildConfig(**settings, max_pairs=7))
    finished = {path: path.read_bytes() for path in settings["out"].rglob("*") if path.is_file()}
    said = _lines(report_build(BuildConfig(**settings, dry_run=True)))
    assert said["made"] == "before  7 pairs"
    assert said["network"].startswith("5 pairs x ")
    there = {path: path.read_bytes() for path in settings["out"].rglob("*") if path.is_file()}
    assert there == finished


def test_another_recipe_is_refused_before_anything_is_estimated(
    settings: dict[str, Any],
) -> None:
    build(BuildConfig(**settings, max_pairs=2))
    with pytest.raises(FolderInUseError, match=r"recipe\.seed \(0 there, 5 now\)"):
        report_build(BuildConfig(**settings, seed=5, dry_run=True), stay=False)


def test_rows_by_hand(stable_diffusion_folder: Path) -> None:
    family = load_family(str(stable_diffusion_folder))
    config = resolve(BuildConfig(resolution=16), family)  # 50 steps, r = .5 … .9, guidance
    assert network_rows_per_pair(config, family) == 2 * (25 + 30 + 35 + 40 + 45)
    config = resolve(BuildConfig(resolution=16, method="txt2img", guidance_scale=1.0), family)
    assert network_rows_per_pair(config, family) == 50


@pytest.mark.parametrize(("guided", "preview"), [(True, 10), (False, 5)])
def test_rows_of_the_fast_preset_by_hand(
    stable_diffusion_folder: Path, guided: bool, preview: int
) -> None:
    family = load_family(str(stable_diffusion_folder))
    fast = BuildConfig(
        resolution=16, ada="preview", ada_steps=2, ada_guidance=guided, num_inference_steps=12,
        guidance_interval=(200.0, 1000.0),
    )  # fmt: skip
    # r = .9 runs t = 900, 749, 666, 583, 500, 416, 333, 250, 166, 83: eight of ten with guidance.
    assert network_rows_per_pair(resolve(fast, family), family) == preview + 18


def test_a_build_in_the_fast_preset_sends_no_more_rows(settings: dict[str, Any]) -> None:
    config = {**settings, "ada": "preview", "ada_steps": 2, "ada_guidance": False}
    config |= {"guidance_interval": (200.0, 800.0), "num_inference_steps": 6, "max_pairs": 4}
    estimated = report_build(BuildConfig(**config, dry_run=True))
    counts = Manifest.read(build(BuildConfig(**config))).counts
    most = int(estimated.split("4 pairs x ")[1].split()[0])
    assert 4 * (5 + 1) < counts["network_rows"] <= 4 * most


@pytest.mark.parametrize(
    ("seconds", "text"), [(90.0, "about 90 s"), (600.0, "about 10 min"), (36000.0, "about 10.0 h")]
)
def test_durations_are_said_as_people_do(seconds: float, text: str) -> None:
    assert text in str(Estimate({"a": 1}, 1, 0, 1, 10, True, seconds, 1000))
