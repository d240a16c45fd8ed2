"""Confusion matrices: read from files, estimated from neighbours."""

from pathlib import Path

import numpy as np
import pytest

from index.embed.embedding_index import EmbeddingIndex
from index.plan.confusion import knn_confusion, most_confused, read_confusion

NAMES = ["cat", "dog", "fox"]
MATRIX = np.array([[8.0, 1, 0], [2, 7, 1], [0, 3, 9]])


def test_most_confused_by_hand() -> None:
    assert most_confused(MATRIX, 2).tolist() == [[1, 2], [0, 2], [1, 0]]
    assert most_confused(np.zeros((3, 3)), 1).tolist() == [[1], [0], [0]]


def test_ties_follow_the_ranking_which_must_fit() -> None:
    ranking = np.array([[2, 1], [2, 0], [1, 0]])
    assert most_confused(np.zeros((3, 3)), 1, ranking).tolist() == [[2], [2], [1]]
    with pytest.raises(ValueError, match="has 3 classes, the ranking 2"):
        most_confused(MATRIX, 1, ranking[:2, :1])


def test_npy_is_in_the_order_of_the_classes(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", MATRIX)
    assert np.array_equal(read_confusion(tmp_path / "c.npy", NAMES), MATRIX)
    with pytest.raises(ValueError, match=r"has shape \(3, 3\), but there are 2 classes"):
        read_confusion(tmp_path / "c.npy", NAMES[:2])


def test_csv_is_read_by_names(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(",fox,dog,cat,owl\nfox,9,3,0,0\ncat,0,1,8,0\ndog,1,7,2,0\nowl,0,0,0,5\n")
    assert np.array_equal(read_confusion(path, NAMES), MATRIX)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",cat,dog\ncat,1,2\ndog,1,2\n", r"first row lacks the classes \['fox'\]"),
        (",cat,dog,fox\ncat,1,2,3\ndog,1,2,3\n", r"first column lacks the classes \['fox'\]"),
        (",cat,dog,fox,cat\ncat,1,2,3,4\ndog,1,2,3,4\nfox,1,2,3,4\n", "names a class twice"),
        (",cat,dog,fox\ncat,1,2,3\ndog,1,x,3\nfox,1,2,3\n", "not a table of numbers"),
        ("", "first row lacks"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_confusion(path, NAMES)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no confusion matrix at"):
        read_confusion(tmp_path / "none.npy", NAMES)
    (tmp_path / "c.txt").write_text("1 2\n")
    with pytest.raises(ValueError, match=r"a \.npy or \.csv file"):
        read_confusion(tmp_path / "c.txt", NAMES)


def test_neighbours_vote_by_hand() -> None:
    # On a circle: 0 and 10 degrees are class 0; 20 is class 1; 180 and 181 are class 2.
    angles = np.radians([0, 10, 21, 180, 181])
    points = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    index = EmbeddingIndex(2)
    index.add(points, np.arange(5) + 70, np.array([0, 0, 1, 2, 2]))
    # Nearest others: 0 -> 10 (class 0), 10 -> 0 (0), 21 -> 10 (0), 180 <-> 181 (2).
    assert knn_confusion(index, 1).tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    # Second nearest: 0 -> 21 (1), 10 -> 21 (1), 21 -> 0 (0), 180 -> 21 (1), 181 -> 21 (1).
    assert knn_confusion(index, 2).tolist() == [[0.5, 0.5, 0], [1, 0, 0], [0, 0.5, 0.5]]
    with pytest.raises(ValueError, match="k must be at least 1"):
        knn_confusion(index, 0)


def test_an_image_does_not_vote_for_itself_even_beside_copies() -> None:
    points = np.tile(np.float32([[1, 0]]), (6, 1))
    index = EmbeddingIndex(2)
    index.add(points, np.arange(6), np.arange(6))
    assert not knn_confusion(index, 5).diagonal().any()
    assert knn_confusion(index, 5).sum(1).tolist() == pytest.approx([1] * 6)
