"""Banks of every layout that was ever written are opened for ever.

They lie in `tests/data/banks`, named by format version and by what was new. Each was built by the
code of its time, from the demo's scenes and models, in the commit that is named below:

    python -m index.build --out BANK --max-pairs 4 --pairs-per-shard 2 --num-inference-steps 2
        --preview 0

with `--image-format jpeg` (all but 1-marks) and `--keep-sweep --noise-ratios 0.5 0.7` (1-sweep).
What only a continued build reads was removed, so that they stay small: `build.json`, `embeddings/`,
`sources/` and the FAISS file. When the format changes, add a bank that the code before the change
has built, and never write one of these again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_transforms import Bank, GeNIeTransform, UserError
from genie_transforms.format import Manifest, read_rows

BANKS = Path(__file__).parents[2] / "data" / "banks"
MARKS = {"margin", "near_duplicate", "blank", "stale"}


@dataclass(frozen=True)
class Known:
    """What a bank holds.

    Attributes:
        commit: The code that built it.
        lacks: Columns that came later.
        noise_ratios: r* of its rows.
        brightness: Mean of the pixels of each image, which no decoder changes by more than 1.
        on_target: Which rows are.
    """

    commit: str
    lacks: set[str]
    noise_ratios: list[float]
    brightness: list[float]
    on_target: list[int]
    swept: bool = False
    class_names: tuple[str, ...] = ("crescent", "arrow", "flower", "drop", "bolt", "fish")
    labels: tuple[int, ...] = (0, 4, 5, 1)
    source_labels: tuple[int, ...] = (1, 2, 4, 5)
    num_sources: int = 0


KNOWN = {
    "1-first": Known("34d69b1", MARKS, [0.9, 0.7, 0.8, 0.9], [159.4, 132.8, 82.8, 86.2], [0, 1]),
    "1-marks": Known("c5b857f", set(), [0.9, 0.9, 0.7, 0.6], [148.0, 120.8, 89.5, 75.3], [0]),
    "1-sweep": Known("1e1c2ea", set(), [0.7] * 4, [144.7, 117.8, 89.6, 77.5], [0], swept=True),
    "1-sources": Known(
        "1a1bc44", set(), [0.8, 0.9, 0.9, 0.8], [132.5, 120.7, 100.3, 96.9], [0],
        class_names=("arrow", "bolt", "crescent", "drop", "fish", "flower"), labels=(4, 1, 0, 5),
        source_labels=(2, 5, 1, 4), num_sources=42,
    ),
}  # fmt: skip


def test_every_bank_is_known() -> None:
    assert {path.name for path in BANKS.iterdir()} == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_a_bank_of_its_time_is_opened(name: str, tmp_path: Path) -> None:
    known, folder = KNOWN[name], BANKS / name
    bank = Bank.open(folder, keep=None)
    assert bank.verify() == []
    assert tuple(bank.class_names) == known.class_names
    assert tuple(bank.labels.tolist()) == known.labels
    assert tuple(bank.source_labels.tolist()) == known.source_labels
    assert (bank.manifest.sources or {}).get("images", 0) == known.num_sources
    assert bank.column("noise_ratio") == pytest.approx(known.noise_ratios)
    assert np.isfinite(bank.projections()).all()
    assert np.flatnonzero(bank.column("on_target")).tolist() == known.on_target
    assert len(Bank.open(folder, keep="on_target")) == len(known.on_target)
    assert MARKS - set(read_rows(folder / "data-00000-of-00002.arrow").column_names) == known.lacks

    images = [np.asarray(row.image()) for row in bank]
    assert [image.mean() for image in images] == pytest.approx(known.brightness, abs=1)
    for row in bank:
        assert bank.label_of_source(row.source_digest) == row.source_label
    merged = Bank.merge([folder], tmp_path / "merged")
    assert merged.verify() == []


def test_a_way_to_r_star_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    """Until 2026 there was `--ada neighbours`; the banks that it made say so, and stay banks."""
    folder = Path(shutil.copytree(BANKS / "1-sources", tmp_path / "bank"))
    manifest = Manifest.read(folder)
    recipe = {**manifest.recipe, "ada": "neighbours"}
    (folder / "genie.json").write_text(replace(manifest, recipe=recipe).to_json())
    assert len(Bank.open(folder, keep=None)) == 4
    assert Bank.open(folder).verify() == []


@pytest.mark.filterwarnings("ignore:the bank .* classes have no rows")
@pytest.mark.parametrize("name", KNOWN)
def test_a_bank_of_its_time_trains(name: str) -> None:
    bank = Bank.open(BANKS / name, keep=None)
    transform = GeNIeTransform(bank, p=1.0, replace="target")
    image, label = transform(Image.new("RGB", (64, 64)), 4)
    assert label == 4
    assert image.tobytes() == bank.image(KNOWN[name].labels.index(4)).tobytes()


@pytest.mark.parametrize("name", KNOWN)
def test_sweeps_are_there_where_they_were_kept(name: str) -> None:
    bank = Bank.open(BANKS / name, keep=None)
    if KNOWN[name].swept:
        chosen = bank[0].noise_ratios.index(bank[0].noise_ratio)
        assert bank.sweep(0)[chosen].tobytes() == bank.image(0).tobytes()
    else:
        with pytest.raises(UserError, match="has no sweep"):
            bank.sweep(0)
