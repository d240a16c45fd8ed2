"""The numbers of an evaluation as people read them: a table, printed and in the dataset card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

_SHOWN = 5
"""Names that a list shows, at most."""

Row = tuple[str, str, str]


def show(found: dict[str, Any]) -> str:
    """Return the table and its notes for a terminal."""
    rows = [("", "negatives", "beside it"), *_rows(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *(f"- {note}" for note in _notes(found))])


def card_section(found: dict[str, Any]) -> str:
    """Return the same as Markdown, with names but without folders of this machine."""
    lines = ["## Evaluation", "", "| | negatives | beside it |", "|---|---|---|"]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in _rows(found)]
    lines += ["", *(f"- {_cell(note)}" for note in _notes(found))]
    return "\n".join([*lines, "", "Measured by `python -m index.evaluate`."])


def _rows(found: dict[str, Any]) -> list[Row]:
    """Return measure, value and what it is to be compared with."""
    return [*_judged_rows(found), *_compared_rows(found)]


def _judged_rows(found: dict[str, Any]) -> list[Row]:
    rows = [("nearest to their class, to the bank's backbone", _percent(found["on_target"]), "")]
    if "judge" not in found:
        return rows
    labels, hard, real = found["labels"], found["hardness"], found["judge_on_real"]
    spread = "" if labels["interval"] is None else f" ± {100 * labels['interval']:.1f}"
    rows.append(
        (
            f"label precision, to {found['judge']}",
            _percent(labels["precision"]) + spread,
            f"{_percent(labels['source_class'])} are the source's class",
        )
    )
    for name, shown in (("source_probability", "P(source)"), ("margin", "P(target) - P(source)")):
        quantiles = hard[name]["quantiles"]
        between = (
            "" if quantiles is None else f"5 to 95 %: {quantiles[0]:.3f} to {quantiles[2]:.3f}"
        )
        if real:
            between = f"real images: {_number(real[name]['mean'])}"
        rows.append((f"{shown} where it is right", _number(hard[name]["mean"]), between))
    return rows


def _compared_rows(found: dict[str, Any]) -> list[Row]:
    frechet, kid, diversity = found["frechet"], found["kid"], found["diversity"]
    manifold, probe = found["manifold"] or {}, found["probe"] or {}
    low, high = kid["interval"] or (None, None)
    generated, real = diversity["generated"], diversity["real"]
    copies = found["near_duplicates"]
    rows = [
        (
            "Fréchet distance in the backbone",
            _number(frechet["distance"]),
            f"two halves of the real images: {_number(frechet['halves_of_real'])}",
        ),
        (
            "kernel distance (KID) in the backbone",
            _number(kid["distance"], 5),
            f"95 % of subsets of {kid['subset']}: {_number(low, 5)} to {_number(high, 5)}",
        ),
    ]
    for names in (("precision", "recall"), ("density", "coverage")):
        value = " / ".join(_number(manifold.get(name)) for name in names)
        rows.append((" / ".join(names), value, "k = 5"))
    for name, shown in (("mean_distance", "mean distance"), ("vendi_score", "Vendi score")):
        value = f"real images: {_number(real[name])}"
        rows.append((f"{shown} within a class", _number(generated[name]), value))
    rows.append(("told from real images, AUC", _number(probe.get("auc")), "0.5 is chance"))
    near = f"{copies['rows']} of {found['generated']['embedded']}"
    return [*rows, ("nearly the same as a real image", near, "")]


def _notes(found: dict[str, Any]) -> list[str]:
    """Say what the numbers are of, and what they do not say."""
    generated, real, classes = found["generated"], found["real_images"], found["classes"]
    name = PurePath(found["real"]).name or "the demo's scenes"
    notes = [
        f"{generated['embedded']} of {generated['of_these_classes']} negatives and "
        f"{real['embedded']} of {real['of_these_classes']} real images ({found['real_kind']}, "
        f"{name}) of {classes['compared']} classes were embedded, drawn with seed {found['seed']}; "
        f"{found['matched']} of each, equally many of every class, were compared. Rows: "
        f"{found['keep'] or 'all'}.",
        f"Feature space: {found['feature_space']}. Distances compare only with those of the same "
        "backbone and about as many images.",
        *_storage_notes(found["sizes"]),
    ]
    if found["frechet"]["biased"]:
        notes.append(
            f"{found['matched']} images are few for {found['dimension']} dimensions: the Fréchet "
            "distance is biased upwards, also that of the two halves, which have half as many. KID "
            "is not biased."
        )
    if real["sources_of_the_bank"]:
        notes.append(
            f"{real['sources_of_the_bank']} of the real images are sources of the bank: these "
            "numbers are not of unseen images."
        )
    if real["unreadable"]:
        notes.append(f"{real['unreadable']} real images cannot be read and were left out.")
    for key, lacking in (("without_real", "real images"), ("without_negatives", "negatives")):
        if classes[key]:
            notes.append(f"Left out, without {lacking}: {_names(classes[key])}.")
    return [*notes, *_judge_notes(found)]


def _storage_notes(sizes: dict[str, Any]) -> list[str]:
    """Say what storing did to the negatives, and which of it real images went through as well."""
    notes, stored, model = [], sizes["stored"], sizes["model"]
    if stored < model:
        notes.append(
            f"Negatives are stored at {stored} pixels and enlarged to {model}: the real images "
            f"were brought to {stored} and enlarged, too."
        )
    if sizes["others"]:
        notes.append(
            f"{sizes['others']} negatives are stored at another side than {stored}: what that "
            "changes is in these numbers."
        )
    if "JPEG" in sizes["formats"]:
        notes.append(
            "Negatives are stored as JPEG, and the real images were not compressed for this: what "
            "JPEG changes is in these numbers."
        )
    return notes


def _judge_notes(found: dict[str, Any]) -> list[str]:
    if "judge" not in found:
        return ["No judge: the backbone that chose the images says nothing of their labels."]
    notes = []
    labels, judge = found["labels"], found["judge"]
    if labels["unjudged"]:
        notes.append(f"{judge} has not judged {labels['unjudged']} rows.")
    hard = f"Hardness is of the {found['hardness']['rows']} rows that {judge} calls right."
    real = found["judge_on_real"]
    if real is None:
        return [*notes, f"{hard} It was not asked about the real images."]
    return [
        *notes,
        f"{hard} It is right about {_percent(real['accuracy'])} of {real['rows']} real images; "
        f"{real['compared']} of these are compared, each with the source of a negative of its "
        "class.",
    ]


def _names(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _cell(text: str) -> str:
    """Keep a text, in which any class name may be, within its cell and from being HTML."""
    return text.replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
