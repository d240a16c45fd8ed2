"""What every process of a build imports, to be forked from."""

from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion
from transformers.models.clip import modeling_clip, tokenization_clip

from index.build import builder, stages
from tests.index.build.executors import fragile

__all__ = [
    "builder",
    "fragile",
    "modeling_clip",
    "pipeline_stable_diffusion",
    "stages",
    "tokenization_clip",
]
