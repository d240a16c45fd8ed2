"""The dataset card that a bank has on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .manifest import Manifest

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
from genie_transforms import Bank, GeNIeTransform

bank = Bank.from_hub("{repo_id}")
```

| | |
|---|---|
{facts}

Everything that decided its content, file hashes included, is in `genie.json`; the columns are those
of format version {version}.
"""


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
    ("backbone", "backbone"),
    ("seed", "seed"),
)


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


def dataset_card(manifest: Manifest, repo_id: str, about: Provenance) -> str:
    """Write the card.

    Args:
        manifest: What `genie.json` says.
        repo_id: Where the bank will be.
        about: What the manifest cannot know.
    """
    recipe = manifest.recipe
    facts = {
        "source data": about.source_data or recipe.get("source") or "not stated",
        "licence of the source data": about.source_license or "not stated",
        "classes": len(manifest.class_names),
        "rows": f"{manifest.num_rows} in {len(manifest.shards)} shards",
        "pairs that failed": _failures(manifest),
        **{title: f"`{recipe[key]}`" for key, title in _SETTINGS if recipe.get(key) is not None},
    }
    return _CARD.format(
        head=_head(about.data_license),
        title=repo_id.rpartition("/")[2],
        repo_id=repo_id,
        facts="\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in facts.items()),
        version=manifest.format_version,
    )


def _head(data_license: str | None) -> str:
    """Write the metadata that the hub and `datasets.load_dataset` read."""
    lines = [
        "tags: [genie-transforms, hard-negatives, synthetic]",
        "task_categories: [image-classification]",
        "configs:",
        "- config_name: default",
        '  data_files: "data-*.arrow"',
    ]
    return "\n".join([f"license: {data_license}", *lines] if data_license else lines)


def _failures(manifest: Manifest) -> str:
    """Give the failure rate, if pairs were counted."""
    failed, pairs = manifest.counts.get("failed", 0), manifest.counts.get("pairs", 0)
    return f"{failed} of {pairs} ({failed / pairs:.2%})" if pairs else str(failed)


def _cell(value: Any) -> str:
    """Keep a value within its cell of the table."""
    return str(value).replace("|", "\\|").replace("\n", " ")
