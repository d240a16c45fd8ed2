"""The arms: what each adds to the training set, or puts in place of its images.

Appended arms all have the same class sizes but for `none`: those of the Few classes grow by
`per_class`. Arms in the loop draw every class as often, and replace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        mode: `append` further images to the Few classes; or `in-loop`, with a class-balanced
            sampler.
        images: Where further images come from: a bank, by name; `own` repeats the class's own
            images; `real` takes images that the generator learned from; "" for none.
        noise_ratio: Which image of the bank's sweeps: r itself, `random`, or "" for the bank's
            own choice.
        rule: How r* is read from the sweep instead.
        keep: Leave out what the bank's default filter leaves out.
        soft: Labels are shared between source and target, by the projection (in the loop only).
        mix: Mixing of whole batches.
        distinct: Negatives of a class; the same ones stand there as often as makes up `per_class`.
            If not given, `per_class` of them.
        probability: p of `GeNIeTransform`; if not given, that of the settings.
    """

    mode: Literal["append", "in-loop"]
    images: str = ""
    noise_ratio: str = ""
    rule: str = ""
    keep: bool = False
    soft: bool = False
    mix: Literal["none", "mixup", "cutmix"] = "none"
    distinct: int | None = None
    probability: float | None = None


ARMS: dict[str, Arm] = {
    "none": Arm("append"),
    "resampled": Arm("append", "own"),
    "cutmix": Arm("append", "own", mix="cutmix"),
    "mixup": Arm("append", "own", mix="mixup"),
    "img2img-low": Arm("append", "img2img-low"),
    "img2img": Arm("append", "img2img"),
    "txt2img": Arm("append", "txt2img"),
    "genie": Arm("append", "genie-ada", noise_ratio="0.8"),
    "genie-0.9": Arm("append", "genie-ada", noise_ratio="0.9"),
    "genie-random": Arm("append", "genie-ada", noise_ratio="random"),
    "genie-ada": Arm("append", "genie-ada"),
    "genie-ada-passes": Arm("append", "genie-ada", rule="passes"),
    "genie-ada-kept": Arm("append", "genie-ada", keep=True),
    "genie-random-sources": Arm("append", "random-sources", noise_ratio="0.8"),
    "dafusion": Arm("append", "dafusion"),
    "genie+txtinv": Arm("append", "genie+txtinv"),
    "genie+cutmix": Arm("append", "genie-ada", noise_ratio="0.8", mix="cutmix"),
    "real-g": Arm("append", "real"),
    "balanced": Arm("in-loop"),
    "balanced+genie": Arm("in-loop", "genie"),
    "balanced+ada": Arm("in-loop", "genie-ada"),
    "balanced+ada-soft": Arm("in-loop", "genie-ada", soft=True),
}
"""By name. `real-g` is the control of what the generator knows: real images of its own training
set (Geng et al., 2024). `dafusion` and `genie+txtinv` are `img2img` and `genie` with a token in
place of the target's name, learned from the seed's own images of it (paper, A.6)."""

INVERTED = ("dafusion", "genie+txtinv")
"""Banks whose prompts have learned tokens."""

MAIN_ARMS = (
    "none", "resampled", "cutmix", "img2img", "txt2img", "genie", "genie-random", "genie-ada",
    "real-g", "balanced", "balanced+genie", "balanced+ada",
)  # fmt: skip

COMPARISONS = {
    "P1": ("genie", "txt2img"),
    "P2": ("genie-ada", "genie"),
    "P3": ("txt2img", "resampled"),
}
"""What was fixed before the first run, on Few: the first arm less the second."""


SECONDARY = (
    ("genie", "none"),
    ("genie-ada", "none"),
    ("genie", "resampled"),
    ("real-g", "genie"),
    ("balanced+genie", "balanced"),
    ("balanced+ada", "balanced"),
    ("balanced+genie", "genie"),
    ("genie-ada-kept", "genie-ada"),
    ("genie+cutmix", "cutmix"),
    ("genie-0.9", "genie"),
    ("genie-random-sources", "genie"),
    ("genie-ada-passes", "genie-ada"),
    ("balanced+ada-soft", "balanced+ada"),
    ("img2img-low", "img2img"),
    ("mixup", "resampled"),
    ("genie", "cutmix"),
    ("genie", "mixup"),
    ("dafusion", "resampled"),
    ("dafusion", "txt2img"),
    ("dafusion", "img2img"),
    ("genie+txtinv", "resampled"),
    ("genie+txtinv", "txt2img"),
    ("genie+txtinv", "genie"),
)
"""What is compared besides, on Few and on all classes, without correction for their number."""


def banks_of(arms: tuple[str, ...]) -> list[str]:
    """Return the banks that some arms need, each once."""
    named = [ARMS[name].images for name in arms]
    return list(dict.fromkeys(bank for bank in named if bank not in ("", "own", "real")))
