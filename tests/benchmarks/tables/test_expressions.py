"""Expressions over a result, computed by hand."""

from __future__ import annotations

import pytest

from benchmarks.tables.expressions import evaluate

CONTENT = {
    "not-a-name": 7,
    "seconds": {"one-by-one": 90, "swept": [30, 45.0]},
    "arms": [
        {"arm": "genie", "k": 1, "best": "genie", "gap": -1.5, "interval": [-2, -1]},
        {"arm": "genie", "k": 5, "best": "mixup", "gap": 4, "interval": [3, 5]},
        {"arm": "mixup", "k": 5, "best": "mixup", "gap": -9, "interval": [-10, -8]},
    ],
}


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ('seconds["one-by-one"] / 60', [1.5]),
        ("2 * seconds.swept", [60, 90]),
        ('seconds["one-by-one"] - seconds.swept[1] + 0.5', [45.5]),
        ('100 * arms(arm="genie", k=1)["gap", "interval"]', [-150, -200, -100]),
        ('arms(arm="genie", k=(5, 1)).gap', [4, -1.5]),
        ('-min(arms(arm="genie", k=(1, 5)).gap), max(arms[2].gap, 7)', [1.5, 7]),
        ('arms(arm=arms(arm="genie", k=5).best, k=5).gap', [-9]),
        ("len(arms), len(seconds.swept)", [3, 2]),
        ('result["not-a-name"] - result["seconds"]["one-by-one"]', [-83]),
    ],
)
def test_numbers(expression: str, numbers: list[float]) -> None:
    assert evaluate(expression, CONTENT) == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("seconds.slept", "KeyError: 'slept'"),
        ("minutes", "KeyError: 'minutes'"),
        ("arms[3].gap", "IndexError"),
        ("arms(k=5).gap", "2 entries of the JSON have {'k': 5}, not one"),
        ("arms(k=(1, 2)).gap", "0 entries of the JSON have {'k': 2}, not one"),
        ("arms[0].arm", "could not convert string to float"),
        ("seconds ** 2", "not understood"),
        ("seconds.", "SyntaxError"),
    ],
)
def test_what_is_nothing_is_named(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"is nothing in the JSON") as refused:
        evaluate(expression, CONTENT)
    assert reason in str(refused.value)
