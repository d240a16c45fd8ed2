"""Results that were measured with earlier weights of the demo: documents that quote them say so."""

from __future__ import annotations

import re
from pathlib import Path

from index.demo import weights_digest

from .markdown import read

OF_THE_DEMO = (
    "ada_modes.json",
    "analyses.json",
    "choosing_r.json",
    "confounded.json",
    "confounded_settings.json",
    "confounded_tied.json",
    "demo.json",
    "few_shot.json",
    "figures.json",
    "filters.json",
    "hardness.json",
    "price.json",
    "prompts.json",
)
"""Results whose figures depend on the demo's weights; `make results` measures them again."""

PHRASE = "the demo's earlier models"
"""What a document says that quotes such a result."""

_QUOTED = re.compile(r"(?:<!-- figures |benchmarks/results/)([\w.-]+\.json)")


def measured_earlier(results: Path) -> list[str]:
    """Return the results whose weights of the demo are not those of today."""
    today = weights_digest()
    present = [name for name in OF_THE_DEMO if (results / name).exists()]
    return [name for name in present if read(results, name).get("demo_weights") != today]


def missing_words(text: str, results: Path) -> str | None:
    """Return what a document should say, or should no longer say, about earlier weights.

    Args:
        text: The document.
        results: The folder of results.

    Returns:
        A complaint; None if there is none.
    """
    quoted = set(_QUOTED.findall(text)) & set(measured_earlier(results))
    says = PHRASE in " ".join(text.split())
    if quoted and not says:
        names = ", ".join(sorted(quoted))
        return (
            f'{names}: measured with other weights of the demo; say "{PHRASE}", or run make results'
        )
    if says and not quoted:
        return f'"{PHRASE}" stands here, but no result of theirs does'
    return None
