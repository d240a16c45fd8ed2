"""The dataset card of a bank: its README.md, in the built folder and on the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import atomic_write
from .manifest import CARD, FORMAT_VERSION, Manifest

# Written by hand and not with `huggingface_hub.DatasetCardData`: a build needs no hub client.
# JSON strings are YAML strings, so nothing that a user gives can break the head.
_CARD = """\
---
{head}
---
# {title}

Hard negatives for image classifiers, made with
[GeNIe](https://arxiv.org/abs/2312.02548): each row is a generated image of class `label`, made
from an image of class `source_label`, so that the background and low-level look of the source
remain.

```python
from torchvision import datasets, transforms
from genie_transforms import Bank, GeNIeTransform

bank = {opening}
train = datasets.ImageFolder("…", transform=transforms.Compose([GeNIeTransform(bank), …]))
```

| | |
|---|---|
{facts}

Everything that decided its content, file hashes included, is in `genie.json`; the columns are those
of format version {version}. Without this library, `{plain_opening}` opens it.
"""


# `load_dataset` finds the shards by `configs`; without it, it guesses from all files' extensions.
_HEAD = """\
tags: [genie-transforms, hard-negatives, synthetic]
task_categories: [image-classification]
configs:
- config_name: default
  data_files: "data-*.arrow\""""


_SETTINGS = (
    ("model", "model"),
    ("revision", "revision of the model"),
    ("scheduler", "sampler"),
    ("num_inference_steps", "steps"),
    ("guidance_scale", "guidance"),
    ("method", "method"),
    ("noise_ratio", "noise ratio"),
    ("noise_ratios", "grid of noise ratios"),
    ("rule", "rule for r*"),
    ("prompt", "prompt"),
    ("prompt_templates", "prompts"),
    ("prompts", "file of prompts"),
    ("backbone", "backbone"),
    ("seed", "seed"),
)


_EVALUATION = ("<!-- evaluation -->\n", "<!-- /evaluation -->\n")
"""Around the part of a card that `python -m index.evaluate` writes."""


@dataclass(frozen=True)
class Provenance:
    """What a manifest cannot know.

    Attributes:
        data_license: Licence of the generated images, as the hub names it, such as "cc-by-4.0".
        source_data: What the source images are; the recipe's source if not given.
        source_license: Licence of the source images.
    """

    data_license: str | None = None
    source_data: str | None = None
    source_license: str | None = None


def dataset_card(manifest: Manifest, repo_id: str, about: Provenance, evaluation: str = "") -> str:
    """Return the card of a bank on the hub.

    Args:
        manifest: What `genie.json` says.
        repo_id: Where the bank will be.
        about: What the manifest cannot know.
        evaluation: What `read_evaluation` found in the card of the folder.
    """
    facts = {
        "source data": about.source_data or manifest.recipe.get("source") or "not stated",
        "licence of the source data": about.source_license or "not stated",
        "classes": len(manifest.class_names),
        "rows": f"{manifest.num_rows} in {len(manifest.shards)} shards",
        "pairs that failed": _failures(manifest),
    }
    card = _card(
        title=repo_id.rpartition("/")[2],
        opening=f"Bank.from_hub({_quoted(repo_id)})",
        plain_opening=f"datasets.load_dataset({_quoted(repo_id)})",
        facts=facts,
        recipe=manifest.recipe,
        data_license=about.data_license,
    )
    return with_evaluation(card, evaluation) if evaluation else card


def write_card(folder: Path, facts: Mapping[str, Any], recipe: Mapping[str, Any]) -> None:
    """Write the card of a bank that is being built, before its manifest.

    An evaluation that stands in an earlier one goes: it was of the rows that there were.

    Args:
        folder: The bank.
        facts: What to say of its data, such as the number of classes.
        recipe: The configuration of the build.
    """
    text = _card(
        title="A bank of GeNIe hard negatives",
        opening=f"Bank.open({_quoted(folder.name)})",
        plain_opening=f"datasets.load_from_disk({_quoted(folder.name)})",
        facts=facts,
        recipe=recipe,
    )
    atomic_write(folder / CARD, text.encode())


def write_evaluation(folder: Path, text: str) -> None:
    """Put an evaluation into the card of a bank, in place of an earlier one.

    Args:
        folder: The bank; without a card it gets one that holds no more than this.
        text: Markdown.
    """
    path = folder / CARD
    # Of a card that somebody has edited, every byte stays, whatever its encoding.
    card = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    atomic_write(path, with_evaluation(card, text).encode(errors="surrogateescape"))


def read_evaluation(folder: Path) -> str:
    """Return the evaluation in the card of a bank; "" if there is none."""
    path = folder / CARD
    card = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return _parts(card)[1].strip()


def with_evaluation(card: str, text: str) -> str:
    """Return a card with an evaluation, in place of an earlier one or at its end."""
    before, _, after = _parts(card)
    opening, closing = _EVALUATION
    return f"{before.rstrip()}\n\n{opening}{text.strip()}\n{closing}{after}".lstrip()


def _parts(card: str) -> tuple[str, str, str]:
    """Cut a card before and behind its evaluation; without one, all of it is before."""
    opening, closing = _EVALUATION
    before, found, rest = card.partition(opening)
    text, ended, after = rest.partition(closing)
    return (before, text, after) if found and ended else (card, "", "")


def _card(
    *,
    title: str,
    opening: str,
    plain_opening: str,
    facts: Mapping[str, Any],
    recipe: Mapping[str, Any],
    data_license: str | None = None,
) -> str:
    """Fill the card: facts as they are, then the settings that decide what images look like."""
    several = [key for key in ("prompts", "prompt_templates") if recipe.get(key)]
    # A template that no prompt was made from says something wrong.
    hidden = {"prompt"} if several else set()
    hidden |= {"prompts", "prompt_templates"} - set(several)
    given = [(n, k) for k, n in _SETTINGS if k not in hidden and recipe.get(k) is not None]
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in facts.items()]
    lines += [f"| {name} | {_cell(_code(recipe[key]))} |" for name, key in given]
    return _CARD.format(
        head=f"license: {json.dumps(data_license)}\n{_HEAD}" if data_license else _HEAD,
        title=title,
        opening=opening,
        plain_opening=plain_opening,
        facts="\n".join(lines),
        version=FORMAT_VERSION,
    )


def _failures(manifest: Manifest) -> str:
    """Return the failures and their rate, if pairs were counted."""
    failed, pairs = manifest.counts.get("failed", 0), manifest.counts.get("pairs", 0)
    return f"{failed} of {pairs} ({failed / pairs:.2%})" if pairs else str(failed)


def _quoted(text: str) -> str:
    """Return a string as Python code, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _code(value: Any) -> str:
    """Return a value as Markdown code, whatever backticks are in it."""
    text = str(value)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _cell(value: Any) -> str:
    """Keep a value within its cell of the table."""
    return str(value).replace("|", "\\|").replace("\n", " ")
