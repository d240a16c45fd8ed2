"""The fine-grained evaluation from end to end, with a tiny pipeline and a tiny folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets.registry import LabelledSet
from benchmarks.episodes.episodes import Drawing, draw
from benchmarks.fine_grained.config import FineGrainedConfig
from benchmarks.fine_grained.report import table
from benchmarks.fine_grained.run import in_order, main, open_both
from index.store.shards import read_table

CLASSES = ("bird", "boat", "car", "dog")
ARMS = ("weak", "img2img-high", "txt2img", "genie-0.5", "genie-ada")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes of noisy colours, three training and four test images each."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 4)):
        for label, name in enumerate(CLASSES):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 80, (20, 24, 3), dtype=np.uint8)
                pixels[..., label % 3] += 60 + 40 * (label // 3)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def configured(root: Path, work: Path, model: Path, **changes: object) -> FineGrainedConfig:
    settings = {
        "model": str(model), "superclass": "thing", "episodes": 2, "n_way": 3, "arms": ARMS,
        "num_inference_steps": 4, "store_resolution": 16,
    }  # fmt: skip
    return FineGrainedConfig(dataset="folder", root=root, work=work, **{**settings, **changes})


@pytest.fixture(scope="module")
def finished(
    root: Path, stable_diffusion_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FineGrainedConfig, dict[str, object]]:
    work = tmp_path_factory.mktemp("fine-grained")
    config = configured(root, work, stable_diffusion_folder, json=work / "figures.json")
    return config, main(config)


def test_every_arm_is_scored_on_every_episode(
    finished: tuple[FineGrainedConfig, dict[str, object]],
) -> None:
    config, report = finished
    entries = {entry["arm"]: entry for entry in report["arms"]}
    assert list(entries) == ["weak", "img2img-high", "txt2img", "genie-0.5", "genie-ada"]
    assert all(entry["episodes"] == 2 and not entry["failed"] for entry in entries.values())
    assert entries["txt2img"]["difference"] == 0
    assert entries["genie-0.5"]["noise_ratio"] == 0.5
    assert 0.6 <= entries["genie-ada"]["noise_ratio"] <= 0.9
    assert report["prompt"] == "A photo of a {target}, a type of {superclass}"
    kept = [json.loads((config.work / "accuracies" / f"00{k}.json").read_text()) for k in (0, 1)]
    for name, entry in entries.items():
        scores = [100 * run[name]["accuracy"] for run in kept]
        assert entry["accuracy"] == pytest.approx(np.mean(scores), abs=0.006)
        # 12 queries an episode: every test image of its three classes.
        right = np.array(scores) * 12 / 100
        assert right == pytest.approx(right.round(), abs=1e-6)
    assert json.loads((config.work / "figures.json").read_text())["arms"] == report["arms"]


def test_a_bank_holds_its_episodes_support_alone(
    finished: tuple[FineGrainedConfig, dict[str, object]],
) -> None:
    config, _ = finished
    data, support, query = open_both(config)
    assert (len(support), len(query)) == (12, 16)
    episodes = json.loads((config.work / "episodes.json").read_text())["episodes"]
    for number, episode in enumerate(episodes):
        assert episode["classes"] == sorted(episode["classes"])
        bank = config.work / "banks" / f"00{number}" / "sweep"
        made = read_table(bank, ["source_id", "prompt"]).to_pylist()
        rows = [rows[0] for rows in episode["support"]]
        assert max(rows) < 12
        assert {int(Path(row["source_id"]).stem) for row in made} == set(rows)
        assert len(made) == 6
        prompts = {data.names[label].display for label in episode["classes"]}
        assert {row["prompt"] for row in made} == {
            f"A photo of a {name}, a type of thing" for name in prompts
        }


def test_it_continues(finished: tuple[FineGrainedConfig, dict[str, object]]) -> None:
    config, report = finished
    banks = sorted((config.work / "banks").rglob("*.arrow"))
    before = [path.stat().st_mtime_ns for path in banks]
    assert main(config)["arms"] == report["arms"]
    assert [path.stat().st_mtime_ns for path in banks] == before


def test_an_episode_is_sorted_as_its_folders_are() -> None:
    labels = np.arange(4).repeat(6)
    rows = np.arange(24)
    drawing = Drawing(1, n_way=3, k_shot=2, n_query=0, seed=1)
    (drawn,) = draw(labels, drawing, support_pool=rows, query_pool=rows)
    assert [len(part) for part in drawn.query] == [4, 4, 4]  # all that are not its support
    episode = in_order(drawn)
    assert list(episode.classes) == sorted(drawn.classes)
    for label, support, query in zip(episode.classes, episode.support, episode.query, strict=True):
        place = drawn.classes.index(label)
        assert support == tuple(sorted(drawn.support[place]))
        assert query == drawn.query[place]


def test_a_folder_without_splits_never_tests_on_its_support(root: Path, tmp_path: Path) -> None:
    config = configured(root / "test", tmp_path, Path("nowhere"), superclass="")
    data, support, query = open_both(config)
    assert isinstance(data, LabelledSet)
    assert np.array_equal(support, query)
    assert len(data) == 16
    assert config.build(data.names).prompt == "A photo of a {target}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ("mixup",)}, r"unknown arms \['mixup'\]"),
        ({"dataset": "flowers"}, "unknown dataset 'flowers'"),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FineGrainedConfig(
            **{"dataset": "folder", "root": Path(), "work": Path(), **changes}  # type: ignore[arg-type]
        )


def test_splits_with_other_classes_are_refused(root: Path, tmp_path: Path) -> None:
    for split, names in (("train", ("bird", "boat")), ("test", ("car", "dog"))):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / split / name / "0.png")
    config = configured(tmp_path, tmp_path / "work", Path("nowhere"))
    with pytest.raises(ValueError, match=r"have other classes, such as \['bird', 'boat', 'car'\]"):
        open_both(config)
    same = configured(tmp_path, tmp_path / "work", Path("nowhere"), support_split="test")
    data, support, query = open_both(same)
    assert data.classes == ["car", "dog"]
    assert np.array_equal(support, query)


def test_the_paper_stands_beside_its_own_datasets() -> None:
    entry = {
        "arm": "genie-ada", "accuracy": 91.0, "interval": 0.4, "difference": 0.6,
        "difference_interval": [0.2, 1.0], "noise_ratio": 0.74, "failed": [],
    }  # fmt: skip
    row = table([entry], "cars196", 20, 1).splitlines()[-1]
    assert row == "| genie-ada | 91.0 ± 0.4 | +0.6 (+0.2 … +1.0) | 0.74 | 87.9 |"
    assert table([entry], "folder", 20, 1).splitlines()[-1].endswith("| – |")
