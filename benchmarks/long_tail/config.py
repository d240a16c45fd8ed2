"""The settings of a long-tail experiment."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.training import RULES, GroupRule, TrainingConfig
from genie_transforms import UserError
from index.kinds import check_range

from .arms import ARMS, MAIN_ARMS, banks_of

CLASS_EMBEDDINGS = "class-embeddings.safetensors"
"""The file of what `text_encoder` makes of the classes, in the folder of everything."""


@dataclass(frozen=True, kw_only=True)
class LongTailConfig:
    """Compare ways to help the rare classes of a long-tailed training set.

    Attributes:
        data: One of `benchmarks.datasets.DATASETS`; `lists` reads ImageNet-LT's files; `demo` is
            the demo's scenes.
        root: The folder that holds it.
        train_list: For lists: lines of an image below the root and its label.
        test_list: The same of the test images.
        class_names: Display names of the classes, json or csv; the dataset's own if empty.
        largest: Images of the largest class; 0 takes every image, as ImageNet-LT's lists want.
        imbalance: Size of the largest class over that of the smallest; between them sizes fall
            exponentially, and a permutation drawn from the seed decides which class is which.
        half: Draw the training images from the half of each class that the generator did not
            learn from (`benchmarks.small_pipeline --half`), or from the whole, seen or not; if not
            given, the whole of folders, lists and the demo, and the half of every other dataset.
            But for `whole`, a small pipeline that saw images that may be drawn is refused.
        size: Side of the images that are trained on, in pixels.
        augment: crop and flip; jitter, colours too; randaugment, timm's `rand-m9-mstd0.5-inc1`
            and random erasing, as DeiT, MAE and LiVT have it.
        statistics: Mean and deviation by which pixels are normalised: half, 0.5 each; or those
            that given weights were trained with.
        model: Diffusion model, a folder or hub id; {seed} stands for the seed; empty for the
            demo's.
        knowledge: What the generator learned from, if not from half of the training images: in a
            closed-world from exactly the images that classifiers train on, the same seed's; an
            unaware one from its half, but from no image of the seed's Few classes. Both are checked
            by what `benchmarks.small_pipeline` wrote beside the model.
        oracle: Classifier of the small pipeline, for label precision; empty for none, or for the
            demo's own.
        backbone: What decides r*, as `python -m index.build --backbone` takes it; {seed} stands
            for the seed. `own` trains one without labels on each seed's training images.
        backbone_steps: Optimiser steps of `own`.
        num_inference_steps: Steps of the whole denoising; if not given, the model's.
        inversion_iterations: Optimiser steps of a learned token, for the arms dafusion and
            genie+txtinv; if not given, the paper's 5000.
        ada: How the bank of genie-ada finds r*: full keeps the sweeps, which arms at other noise
            ratios take; preview is cheaper and has none.
        device: Where the diffusion model runs; the training has its own.
        dtype: Its precision.
        bank: A bank of exactly this training set's Few classes, with sweeps, which arms of GeNIe
            take instead of building their own; with --largest 0.
        text_encoder: A folder of transformers' CLIPTextModelWithProjection with its tokenizer;
            the head of every arm then begins at its embeddings of the classes.
        prompt: What it reads, with {} for the name of the class.
        per_class: Negatives of each Few class, and images that every appended arm adds to it.
        confused: Sources come from this many classes that each target is most confused with.
        probability: p of `GeNIeTransform` in the arms that replace.
        arms: Names of the arms.
        rule: Which classes are Few, Medium and Many.
        seeds: Each has its own subset, baseline, banks and trainings. None of one's own, an empty
            --seeds, reports what --pool names.
        training: How every arm is trained.
        pool: Figures (--json) of further seeds, of another generator or another machine, that are
            pooled with these; but for the generator their settings must be the same.
        work: Folder of everything that is made; the same one again continues.
        json: File that receives the figures.
        plot: File that receives the plot.
        quick: A small version of everything on the demo's scenes, which shows that it runs; its
            figures mean nothing.
    """

    data: str = "demo"
    root: Path = Path("data")
    train_list: Path | None = None
    test_list: Path | None = None
    class_names: str = ""
    largest: int = 500
    imbalance: float = 100.0
    half: Literal["classifier", "whole"] | None = None
    size: int = 32
    augment: Literal["crop", "jitter", "randaugment"] = "crop"
    statistics: Literal["half", "imagenet", "imagenet-lt", "clip"] = "half"
    model: str = ""
    knowledge: Literal["closed-world", "unaware"] | None = None
    oracle: str = ""
    backbone: str = ""
    backbone_steps: int = 280
    num_inference_steps: int | None = None
    inversion_iterations: int | None = None
    ada: Literal["full", "preview"] = "full"
    device: str = field(default="auto", metadata={"recipe": False})
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    bank: Path | None = None
    text_encoder: str = ""
    prompt: str = "a photo of a {}"
    per_class: int = 50
    confused: int = 4
    probability: float = 0.5
    arms: tuple[str, ...] = field(default=MAIN_ARMS, metadata={"recipe": False})
    rule: Literal["paper", "inclusive", "pooled"] = "paper"
    seeds: tuple[int, ...] = field(default=tuple(range(10)), metadata={"recipe": False})
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(loss="balanced-softmax")
    )
    pool: tuple[Path, ...] = field(default=(), metadata={"recipe": False})
    work: Path = field(default=Path("long-tail"), metadata={"recipe": False})
    json: Path | None = field(default=None, metadata={"recipe": False})
    plot: Path | None = field(default=None, metadata={"recipe": False})
    quick: bool = field(default=False, metadata={"recipe": False})

    def __post_init__(self) -> None:
        unknown = [name for name in self.arms if name not in ARMS]
        if unknown:
            raise UserError(f"unknown arms {unknown}; choose among {', '.join(ARMS)}")
        if (self.data == "lists") != bool(self.train_list and self.test_list):
            raise UserError("--data lists needs --train-list and --test-list, and only lists do")
        built = [name for name in banks_of(self.arms) if not (self.bank and name == "genie-ada")]
        if built and self.data != "demo" and not self.model and not self.quick:
            raise UserError(
                f"give --model, the diffusion model that makes the banks {', '.join(built)}; the "
                "demo's knows its own scenes alone"
            )
        self._check_knowledge()
        if self.bank and self.largest:
            raise UserError("--bank needs --largest 0: every seed would have other Few classes")
        swept = [
            name for name in self.arms
            if ARMS[name].images == "genie-ada" and (ARMS[name].noise_ratio or ARMS[name].rule)
        ]  # fmt: skip
        if self.ada == "preview" and swept:
            raise UserError(f"--ada preview keeps no sweeps, which {', '.join(swept)} take")
        usual = {field.name: field.default for field in fields(self)}
        if self.quick and (self.arms != usual["arms"] or self.seeds != usual["seeds"]):
            raise UserError("--quick has arms and seeds of its own: leave --arms and --seeds away")
        if self.text_encoder and self.training.head:
            raise UserError("give --text-encoder or --training.head, not both")
        for name, least in (("per_class", 1), ("confused", 1), ("size", 8), ("largest", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} must be at least {least}, got {getattr(self, name)}")
        check_range(self, ["inversion_iterations"], 1)
        if not self.imbalance >= 1:
            raise UserError(f"imbalance must be at least 1, got {self.imbalance}")
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds, default=0) < 0:
            raise UserError(f"seeds are different numbers from 0 up, got {self.seeds}")
        if not self.seeds and not self.pool:
            raise UserError("give --seeds, or --pool with figures of some")

    def _check_knowledge(self) -> None:
        if self.knowledge is None:
            return
        if not self.model:
            raise UserError(f"--knowledge {self.knowledge} is of a --model: give one")
        if self.knowledge == "closed-world" and not self.largest:
            raise UserError(
                "--knowledge closed-world needs --largest, the long tail of a seed that its "
                "generator learned from"
            )
        real = [name for name in self.arms if ARMS[name].images == "real"]
        if real:
            raise UserError(
                f"--arms {real[0]} appends images that the generator learned from and classifiers "
                f"have not: with --knowledge {self.knowledge} there are none of the Few classes; "
                "leave it out of --arms"
            )

    def recipe(self) -> dict[str, Any]:
        """Return everything that decides the figures of an arm and a seed, ready for JSON."""
        shown = [f.name for f in fields(self) if f.metadata.get("recipe", True)]
        chosen = {name: getattr(self, name) for name in shown}
        paths = {name: str(value) for name, value in chosen.items() if isinstance(value, Path)}
        return {**chosen, **paths, "training": self.training.recipe()}

    def model_of(self, seed: int) -> str:
        """Return the diffusion model of a seed."""
        return self.model.replace("{seed}", str(seed))

    @property
    def group_rule(self) -> GroupRule:
        """The rule that `rule` names."""
        return RULES[self.rule]

    @property
    def drawn_half(self) -> Literal["classifier", "whole"]:
        """What training images are drawn from, as `half` or by default."""
        usual: Literal["classifier", "whole"] = "classifier"
        if self.data in ("demo", "folder", "lists"):
            usual = "whole"
        return self.half or usual

    def scaled_down(self) -> LongTailConfig:
        """Return the small version on the demo's scenes if `quick`, else this one."""
        if not self.quick:
            return self
        short = replace(
            self.training, num_steps=20, warmup_steps=2, epochs=0, warmup_epochs=0, batch_size=32
        )
        return replace(
            self, data="demo", largest=120, imbalance=40.0, model="", knowledge=None, backbone="",
            per_class=4, num_inference_steps=8, arms=_QUICK_ARMS, seeds=(0, 1), training=short,
            confused=2, train_list=None, test_list=None, quick=False,
        )  # fmt: skip


_QUICK_ARMS = ("none", "resampled", "txt2img", "genie", "genie-ada", "balanced", "balanced+ada")
