"""Which prompt a pair takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from index.generate import BuildContext, choose_prompt
from index.plan import Plan

from .runs import run


def test_a_choice_is_stable_even_and_keeps_most_pairs_when_a_prompt_is_added() -> None:
    prompts = ["a", "b", "c", "d"]
    chosen = [choose_prompt(prompts, seed) for seed in range(1000)]
    assert chosen == [choose_prompt(prompts[::-1], seed) for seed in range(1000)]
    assert all(200 < count < 300 for count in Counter(chosen).values())
    more = [choose_prompt([*prompts, "e"], seed) for seed in range(1000)]
    assert all(new in (old, "e") for old, new in zip(chosen, more, strict=True))
    assert 150 < more.count("e") < 250
    assert choose_prompt(prompts, 0) == "d"  # what banks on disk hold must never change


def test_pairs_record_their_prompt_and_keep_their_seed(context: BuildContext, plan: Plan) -> None:
    several = replace(context, prompts=[("a star", "a photo of star"), ("a ring", "ring")])
    few = plan.take(np.arange(6))
    made = run(several, few)
    rows = zip(few.sources.tolist(), few.targets.tolist(), few.variations.tolist(), strict=True)
    expected = [several.prompt(*row) for row in rows]
    assert [row["prompt"] for row in made.rows] == expected
    assert len(set(expected)) > 1
    plain = run(context, few)
    assert [row["seed"] for row in made.rows] == [row["seed"] for row in plain.rows]
    same = [key in set(context.keys(few)) for key in several.keys(few)]
    assert same == [prompt in ("a star", "a ring") for prompt in expected]
