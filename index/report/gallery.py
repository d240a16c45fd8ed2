"""The cards of a report: a negative with its sweep, its projections and its marks."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image

from genie_transforms import source_digest
from genie_transforms.format import decode_image, row_key
from index.sources import as_rgb

from .columns import FLAGS, Columns

SourceImage = Callable[[str], Image.Image | None]
"""Returns the source image of an id, or None if it is not there any more."""

SourceThumbnail = Callable[[str, str, str], "Thumbnail | None"]
"""Returns the thumbnail of a source by its id, digest and class name; None where there is none."""

_SIDE, _SMALL = 128, 64
_WIDTH, _HEIGHT, _PAD = 240, 64, 8
"""Of the drawing of the projections, in its own units."""


@dataclass(frozen=True)
class Thumbnail:
    """A small image within the page.

    Attributes:
        uri: The JPEG, as a data URI.
        width: Pixels.
        height: Pixels.
        caption: What it is, for those who do not see it and for the line below.
    """

    uri: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class Sparkline:
    """The projections d_r over r, as points of a drawing.

    Attributes:
        points: "x,y x,y …".
        zero: y of d = 0, the source.
        one: y of d = 1, the centroid of the target.
        chosen: (x, y) of r*; None if it is not in the sweep.
        text: The same in words.
    """

    points: str
    zero: float
    one: float
    chosen: tuple[float, float] | None
    text: str


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a row.

    Attributes:
        judge: Its name.
        kind: "target", "source", "another" (class of the bank), "none" (of them), or "unknown".
        text: The same in words, with its probabilities.
    """

    judge: str
    kind: str
    text: str


@dataclass(frozen=True)
class Card:
    """One row of the bank as it is shown.

    Attributes:
        row: Its number in the bank.
        key: Of its content, 64 hexadecimal digits: what a list of rejected rows names it by.
        source: Name of the source's class.
        target: Name of the target class.
        nearest: Name of the nearest class, None if unknown.
        source_id: Of the source image.
        noise_ratio: r*.
        margin: None if unknown.
        marks: The marks that hold, "off_target" among them.
        verdicts: What each judge says.
        groups: Names of the review groups that the row is in.
        image: The negative.
        source_image: None where the source was not given.
        sweep: Each X_r, with whether it is the chosen one; empty if they were not kept.
        sparkline: None where there are fewer than two projections.
    """

    row: int
    key: str
    source: str
    target: str
    nearest: str | None
    source_id: str
    noise_ratio: float
    margin: float | None
    marks: list[str]
    verdicts: list[Verdict]
    groups: list[str]
    image: Thumbnail
    source_image: Thumbnail | None
    sweep: list[tuple[Thumbnail, bool]]
    sparkline: Sparkline | None

    @property
    def num_bytes(self) -> int:
        """Bytes of the images in the page."""
        images = [self.image, self.source_image, *(image for image, _ in self.sweep)]
        return sum(len(image.uri) for image in images if image is not None)


def make_card(
    columns: Columns, row: int, groups: Sequence[str], source_thumbnail: SourceThumbnail
) -> Card:
    """Return one row as it is shown."""
    values = columns.values(row)
    source, target = (columns.class_name(values[name]) for name in ("source_label", "label"))
    nearest, margin = values.get("nearest_class"), values.get("margin")
    marks = [name for name in FLAGS[1:] if values.get(name)]
    if values["on_target"] is False:
        marks.insert(0, "off_target")
    ratio = round(float(values["noise_ratio"]), 4)
    return Card(
        row=row,
        key=row_key(values["source_digest"], source, target, values["image"]["bytes"]).hex(),
        source=source,
        target=target,
        nearest=None if nearest is None else columns.class_name(nearest),
        source_id=str(values["source_id"]),
        noise_ratio=ratio,
        margin=None if margin is None or math.isnan(margin) else margin,
        marks=marks,
        verdicts=[_verdict(columns, values, judge) for judge in columns.judges],
        groups=list(groups),
        image=thumbnail(
            decode_image(values["image"]["bytes"]),
            _SIDE,
            f"negative of {target} made from {source}, r* = {ratio:g}",
        ),
        source_image=source_thumbnail(
            str(values["source_id"]), str(values["source_digest"]), source
        ),
        sweep=_sweep(values, ratio),
        sparkline=sparkline(values["noise_ratios"] or [], values["projections"] or [], ratio),
    )


def _verdict(columns: Columns, values: dict[str, Any], judge: str) -> Verdict:
    """Say what a judge takes a row for."""
    found = values[f"{judge}_class"]
    if found is None:
        return Verdict(judge, "unknown", "has not judged it")
    kinds = {values["source_label"]: "source", values["label"]: "target", -1: "none"}
    shares = [
        f"{side} {100 * share:.0f} %"
        for side in ("target", "source")
        if (share := values[f"{judge}_{side}_probability"]) is not None
    ]
    named = "none of the classes" if found < 0 else columns.class_name(found)
    return Verdict(judge, kinds.get(found, "another"), f"{named} ({', '.join(shares)})")


def thumbnail(image: Image.Image, side: int, caption: str) -> Thumbnail:
    """Return an image, upright, as it is or, if it is larger, scaled down to a side."""
    small = as_rgb(image)
    small.thumbnail((side, side))
    sink = io.BytesIO()
    small.save(sink, format="JPEG", quality=85)
    data = base64.b64encode(sink.getvalue()).decode()
    return Thumbnail(f"data:image/jpeg;base64,{data}", small.width, small.height, caption)


def source_thumbnails(source_image: SourceImage | None) -> SourceThumbnail:
    """Return what makes the thumbnail of a source, each but once.

    Where the image that has the id now is another one, there is none.
    """

    @cache
    def make(source_id: str, digest: str, name: str) -> Thumbnail | None:
        image = None if source_image is None else source_image(source_id)
        if image is None or source_digest(image.convert("RGB")) != digest:
            return None
        return thumbnail(image, _SIDE, f"source: {name}")

    return make


def sparkline(
    ratios: Sequence[float], projections: Sequence[float], chosen: float
) -> Sparkline | None:
    """Return the drawing of d_r over r; None of fewer than two, or if one is not a number.

    Args:
        ratios: The sweep, increasing.
        projections: d_r of each.
        chosen: r*.
    """
    rounded = [round(float(r), 4) for r in ratios]
    if len(rounded) < 2 or len(projections) != len(rounded) or not all(map(_finite, projections)):
        return None
    # 0 and 1 are always in it, for a line without them says nothing.
    low, high = min(0.0, *projections), max(1.0, *projections)

    def x_of(r: float) -> float:
        return round(_PAD + (_WIDTH - 2 * _PAD) * (r - rounded[0]) / (rounded[-1] - rounded[0]), 1)

    def y_of(d: float) -> float:
        return round(_HEIGHT - _PAD - (_HEIGHT - 2 * _PAD) * (d - low) / (high - low), 1)

    drawn = [(x_of(r), y_of(d)) for r, d in zip(rounded, projections, strict=True)]
    said = ", ".join(f"{d:.2f} at {r:g}" for r, d in zip(rounded, projections, strict=True))
    return Sparkline(
        points=" ".join(f"{x},{y}" for x, y in drawn),
        zero=y_of(0.0),
        one=y_of(1.0),
        chosen=drawn[rounded.index(chosen)] if chosen in rounded else None,
        text=f"projections: {said}; r* = {chosen:g}",
    )


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _sweep(values: dict[str, Any], chosen: float) -> list[tuple[Thumbnail, bool]]:
    """Return the images of a sweep, where the bank kept them."""
    cells, ratios = values.get("sweep") or [], values["noise_ratios"] or []
    pairs = zip(cells, ratios, strict=False)
    return [
        (
            thumbnail(decode_image(cell["bytes"]), _SMALL, f"r = {ratio:.4g}"),
            round(float(ratio), 4) == chosen,
        )
        for cell, ratio in pairs
    ]
