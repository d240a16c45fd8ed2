"""Pool runs of several splits and generators: `python -m benchmarks.few_shot.splits`.

Each file is of one split of the classes and one generator, what `benchmarks.few_shot
--data.class-split K --json FILE` wrote. Accuracies and paired differences are means over splits;
what their intervals are over: see `over_splits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genie_transforms import UserError
from index.command import run_command


@dataclass(frozen=True, kw_only=True)
class SplitsConfig:
    """Pool few-shot runs of several splits of the classes and several generators.

    Attributes:
        runs: What benchmarks.few_shot --json wrote, one file for each split and generator.
        json: File that receives the figures.
    """

    runs: tuple[Path, ...]
    json: Path | None = None

    def __post_init__(self) -> None:
        if self.json and self.json.resolve() in {path.resolve() for path in self.runs}:
            raise UserError(f"json {self.json} is one of the runs, which it would replace")


def _run(config: SplitsConfig) -> None:
    from .pooled import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, SplitsConfig, "benchmarks.few_shot.splits")
