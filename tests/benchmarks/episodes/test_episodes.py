"""Episodes: disjoint, drawn once, leak-free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes.episodes import Drawing, Episode, draw, read_episodes, write_episodes

LABELS = np.repeat(np.arange(6), 10)
EVERYTHING = np.arange(60)


def test_support_and_query_are_disjoint_and_of_their_class() -> None:
    drawing = Drawing(num_episodes=50, n_way=4, k_shot=3, n_query=7)
    episodes = draw(LABELS, drawing, support_pool=EVERYTHING, query_pool=EVERYTHING)
    assert len(episodes) == 50
    for episode in episodes:
        assert len(set(episode.classes)) == 4
        assert not set(episode.support_rows) & set(episode.query_rows)
        # K + Q is the whole class here, so each image of it is in one of the two.
        for label, support, query in zip(
            episode.classes, episode.support, episode.query, strict=True
        ):
            assert sorted((*support, *query)) == list(range(10 * label, 10 * label + 10))


def test_labels_are_places_in_the_episode() -> None:
    episode = Episode((5, 2), ((50, 51), (20, 21)), ((52,), (22, 23)))
    assert (episode.n_way, episode.k_shot) == (2, 2)
    assert episode.support_rows.tolist() == [50, 51, 20, 21]
    assert episode.support_labels.tolist() == [0, 0, 1, 1]
    assert episode.query_rows.tolist() == [52, 22, 23]
    assert episode.query_labels.tolist() == [0, 1, 1]


def test_pools_are_kept_apart() -> None:
    drawing = Drawing(num_episodes=20, n_way=5, k_shot=2, n_query=3, seed=3)
    support, query = EVERYTHING[EVERYTHING % 10 < 4], EVERYTHING[EVERYTHING % 10 >= 4]
    for episode in draw(LABELS, drawing, support_pool=support, query_pool=query):
        assert set(episode.support_rows) <= set(support)
        assert set(episode.query_rows) <= set(query)


def test_classes_come_equally_often() -> None:
    drawing = Drawing(num_episodes=600, n_way=2, k_shot=1, n_query=1)
    episodes = draw(LABELS, drawing, support_pool=EVERYTHING, query_pool=EVERYTHING)
    counts = np.bincount([label for episode in episodes for label in episode.classes])
    assert np.abs(counts - 200).max() < 50  # 200 each in the mean, standard deviation 11.5


def test_the_same_seed_draws_the_same() -> None:
    drawing = Drawing(num_episodes=3, n_way=2, k_shot=1, n_query=2)
    first, again = (
        draw(LABELS, drawing, support_pool=EVERYTHING, query_pool=EVERYTHING) for _ in range(2)
    )
    other = draw(
        LABELS, Drawing(3, 2, 1, 2, seed=1), support_pool=EVERYTHING, query_pool=EVERYTHING
    )
    assert first == again != other


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    drawing = Drawing(num_episodes=4, n_way=3, k_shot=2, n_query=2)
    episodes = draw(LABELS, drawing, support_pool=EVERYTHING, query_pool=EVERYTHING)
    path = tmp_path / "episodes.json"
    write_episodes(path, episodes, {"seed": 0})
    assert read_episodes(path, {"seed": 0}) == episodes
    with pytest.raises(ValueError, match="drawn with"):
        read_episodes(path, {"seed": 1})


def test_an_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[3\] come twice: support and query must be disjoint"):
        Episode((0, 1), ((3,), (4,)), ((5, 3), (6, 7)))
    with pytest.raises(ValueError, match="classes must differ"):
        Episode((1, 1), ((3,), (4,)), ((5,), (6,)))
    with pytest.raises(ValueError, match="equally many support images"):
        Episode((0, 1), ((3, 8), (4,)), ((5,), (6,)))


def test_sources_from_outside_the_support_are_refused() -> None:
    episode = Episode((0, 1), ((3,), (4,)), ((5,), (6,)))
    episode.check_sources(np.array([3, 4, 3]))
    with pytest.raises(ValueError, match=r"\[5\] are sources but not in the episode's support"):
        episode.check_sources(np.array([3, 5]))


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (Drawing(1, n_way=7), r"n_way must lie in \[2, 6\], got 7"),
        (Drawing(1, k_shot=11), "11 images wanted, the pool has 10"),
        (Drawing(1, k_shot=4, n_query=7), "7 images wanted, the pool has 6"),
        (Drawing(0), "at least 1"),
    ],
)
def test_too_small_pools_are_named(drawing: Drawing, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(LABELS, drawing, support_pool=EVERYTHING, query_pool=EVERYTHING)
