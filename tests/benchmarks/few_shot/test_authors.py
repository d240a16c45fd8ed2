"""The authors' protocol: five views of each real image, one of each generated one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.episodes.episodes import Episode
from benchmarks.episodes.pool import Pool
from benchmarks.few_shot import authors
from benchmarks.few_shot.authors import learned_features
from benchmarks.few_shot.config import FewShotConfig

# Three classes, one shot: 15 views of real images, 15 mixed ones, 6 generated ones.
SIZES = {
    "weak": 15,
    "strong": 15,
    "mixup": 30,
    "mixed+cutmix": 30,
    "txt2img": 21,
    "genie+mixup": 36,
}


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_real_images_count_fivefold(
    name: str, size: int, tiny_pool: Pool, episode: Episode
) -> None:
    learned, facts = learned_features(name, tiny_pool, episode, 7)
    assert learned.weights.sum() == pytest.approx(size)
    unmixed = learned.weights == 1
    assert unmixed.sum() >= 15
    if name in ("weak", "strong", "txt2img"):
        assert np.bincount(learned.labels).tolist() == [size // 3] * 3
    assert bool(facts) == (name in ("txt2img", "genie+mixup"))
    again, _ = learned_features(name, tiny_pool, episode, 7)
    assert np.array_equal(again.features, learned.features)


def test_genies_images_stay_unmixed(
    tiny_pool: Pool, episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authors, "weak", torch.clone)  # views that change nothing
    learned, _ = learned_features("genie+mixup", tiny_pool, episode, 7)
    place = tiny_pool.place(0.8)
    wanted = tiny_pool.swept.embeddings[[1, 3, 4, 3, 4, 1], [4, 4, 1, 1, 3, 3], place]
    assert learned.features[-6:] == pytest.approx(wanted, abs=1e-4)
    assert learned.weights[-6:].tolist() == [1] * 6
    assert learned.labels[-6:].tolist() == [0, 0, 1, 1, 2, 2]
    real = tiny_pool.embeddings[[4, 1, 3]].repeat(5, 0)
    assert learned.features[:15] == pytest.approx(real, abs=1e-4)


def test_genie_mixup_is_an_arm_of_this_protocol_alone() -> None:
    with pytest.raises(ValueError, match=r"genie\+mixup needs --protocol authors"):
        FewShotConfig(work=Path("nowhere"), arms=("genie+mixup",))
    config = FewShotConfig(work=Path("nowhere"), protocol="authors", inversion_episodes=0)
    assert "genie+mixup" in config.wanted
    assert "dafusion" not in config.wanted
