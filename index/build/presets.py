"""Named recipes: `--preset NAME` stands for some flags, and a bank knows only what they set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PRESETS: Mapping[str, Sequence[str]] = {
    "paper": (),
    "fast": (
        *("--num-inference-steps", "12", "--guidance-interval", "200", "800"),
        *("--ada", "preview", "--ada-steps", "2"),
    ),
}
"""What each stands for: paper is the defaults, the whole sweep in full; fast sends a fifteenth of
its rows through the network (`benchmarks.price`), with guidance at the middle steps."""
