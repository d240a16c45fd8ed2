"""Eight scenes of each of two classes, and their pairs found in full and by a preview."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.build.prepare import embed_sources, resolve
from index.config import BuildConfig
from index.demo import Scenes
from index.diffusion import load_family
from index.embed import load_backbone
from index.generate import BuildContext, ShardResult
from index.plan import Plan, make_plan
from index.sources import source_of

from .runs import RATIOS, run


@pytest.fixture(scope="session")
def context(stable_diffusion_folder: Path) -> BuildContext:
    source = source_of(Scenes(8, classes=("star", "ring"), seed=1))
    family = load_family(str(stable_diffusion_folder))
    config = BuildConfig(num_inference_steps=10, noise_ratios=RATIOS, ada_steps=4, resolution=16)
    config = resolve(config, family)
    backbone = load_backbone("demo")
    index = embed_sources(source, backbone, 16)
    return BuildContext(config, source, family, backbone, index, [("a star",), ("a ring",)])


@pytest.fixture(scope="session")
def plan(context: BuildContext) -> Plan:
    """Every image to the other class: eight pairs a target."""
    return make_plan(context.source.labels, 2)


@pytest.fixture(scope="session")
def full(context: BuildContext, plan: Plan) -> ShardResult:
    return run(context, plan)


@pytest.fixture(scope="session")
def preview(context: BuildContext, plan: Plan) -> ShardResult:
    return run(context, plan, ada="preview")
