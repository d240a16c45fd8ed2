"""Trajectories in a plane, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.figures.trajectories import plane, steps, trajectories
from genie_transforms import UserError

from .banks import RATIOS, material


def test_a_plane_has_the_target_right_of_the_source_whatever_the_signs() -> None:
    # In the plane of the second and third axis, 3 long and 1 high; the first axis is constant.
    points = np.array([[7.0, 3, 0], [7, 2, 1], [7, 1, 0], [7, 0, 0]])
    flat, explained = plane(points)
    assert explained == pytest.approx(1)
    assert flat[-1, 0] > flat[0, 0]
    assert flat[np.abs(flat[:, 1]).argmax(), 1] > 0
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(flat[:, None] - flat, axis=-1), apart, atol=1e-12)


def test_steps_by_hand() -> None:
    bank = material().bank
    found = steps(bank)
    # From the source to r = .5 nothing moves; the rest is half of the way each.
    assert found["mean_step"][0] == 0
    assert found["mean_step"][1] == pytest.approx(found["mean_step"][2])
    assert sum(found["longest_step"]) == pytest.approx(1)
    assert found["longest_step"][0] == 0


def test_a_panel_for_each_source_and_one_for_all() -> None:
    drawn = trajectories(material(source_class="a", target_class="c"))
    panels = [axes for axes in drawn.figure.axes if axes.get_visible()]
    assert len(panels) == 4 + 1
    # Its way, the source and the centroid; a number at each r.
    assert len(panels[0].lines) == 3
    assert [text.get_text() for text in panels[0].texts] == [f"{r:g}" for r in RATIOS]
    assert len(panels[-1].lines) == 2 * 4 + 1
    assert (drawn.numbers["source"], drawn.numbers["target"]) == ("a", "c")
    assert drawn.numbers["pairs"] == 4
    with pytest.raises(UserError, match="'zebra' is none of the classes"):
        trajectories(material(source_class="zebra"))
