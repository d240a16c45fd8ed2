"""Images that cannot be used: left out before anything is planned, and recorded in the bank.

Which ones they are is decided when they are embedded, and written in the blocks of embeddings: all
who work on a build leave out the same ones. Those that could not be used are tried again by every
run; if one has become good, it is an image that was added.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from genie_transforms import UserError
from genie_transforms.format import write_json
from index.sources import Source, check_classes

from .open import Opened

logger = logging.getLogger("genie.build")

_SHOWN = 3


@dataclass(frozen=True)
class BadImages:
    """The images of a source that cannot be used.

    Attributes:
        problems: Why, by row of the source.
        names: Names of the images, by row.
        classes: Names of their classes, by row.
        total: Images of the source.
        left_out: What else the source does not read, see `Source`.
    """

    problems: Mapping[int, str]
    names: Mapping[int, str]
    classes: Mapping[int, str]
    total: int
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, source: Source, problems: Mapping[int, str]) -> BadImages:
        """Describe images by their rows and what is wrong with them."""
        names = {row: str(source.ids[row]) for row in problems}
        classes = {row: source.class_names[source.labels[row]] for row in problems}
        return cls(problems, names, classes, len(source), source.left_out)

    def examples(self) -> str:
        """Name the first ones, with their reasons."""
        rows = list(self.problems)
        shown = [f"{self.names[row]} ({self.problems[row]})" for row in rows[:_SHOWN]]
        return "; ".join(shown) + ("; …" if len(rows) > _SHOWN else "")

    def lines(self, out: Path) -> list[str]:
        """Say in lines of a summary what was left out, and where it is written."""
        beside = ", ".join(f"{count} {kind}" for kind, count in self.left_out.items())
        lines = [f"not read     {beside}"] if beside else []
        if self.problems:
            share = f"{len(self.problems)} of {self.total} images cannot be used"
            lines += [f"bad images   {share}: {bad_images_path(out)} says which and why"]
            lines.append(f"  such as    {self.examples()}")
        return lines


def leave_out(opened: Opened, bad: BadImages) -> Opened:
    """Return the build without its bad images; the rows of the others are numbered anew.

    Raises:
        UserError: Fewer than two classes have an image that can be used.
    """
    source, prompts = opened.source, opened.prompts
    if not bad.problems:
        return opened
    logger.warning(
        "%d of %d images cannot be used and are left out: %s",
        len(bad.problems), bad.total, bad.examples(),
    )  # fmt: skip
    good = [row for row in range(len(source)) if row not in bad.problems]
    captions = prompts.captions and [prompts.captions[row] for row in good]
    kept = source.take(good)
    try:
        check_classes(kept, f"without its bad images, {source.kind}")
    except UserError as error:
        raise UserError(f"{error}: {bad.examples()}") from error
    return replace(opened, source=kept, prompts=replace(prompts, captions=captions))


def bad_images_path(out: Path) -> Path:
    """Return the file of a bank that lists bad images; there is none if there were none."""
    return out / "index" / "bad_images.json"


def write_bad_images(out: Path, bad: BadImages) -> None:
    """Write which images cannot be used and why, and what lies beside them unread."""
    path = bad_images_path(out)
    if not bad.problems and not bad.left_out:
        path.unlink(missing_ok=True)
        return
    images = [
        {"id": bad.names[row], "class": bad.classes[row], "row": row, "reason": reason}
        for row, reason in bad.problems.items()
    ]
    write_json(path, {"images": bad.total, "bad": images, "left_out": dict(bad.left_out)})
