"""Text encoders whose weights another version of transformers has named.

transformers 5 writes the weights of a CLIP text model without the "text_model." that earlier
versions look for. Those would go on with random weights and mention it in a warning: every image
would be made, and none would follow its prompt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from .weights import ModelError

_PREFIX = "text_model."

_PARTS = ("text_encoder", "text_encoder_2")


def load_text_weights(pipeline: Any, folder: Path) -> None:
    """Give the CLIP text encoders of a pipeline their weights, whatever version named them.

    Args:
        pipeline: As it was opened; changed in place where names differ.
        folder: What it was opened from. Weights that are not in one `model.safetensors`, such as
            those of a variant, are left to transformers.

    Raises:
        ModelError: The file lacks weights.
    """
    for part in _PARTS:
        module, path = getattr(pipeline, part, None), folder / part / "model.safetensors"
        # Others, such as T5, share weights under several names.
        if module is None or not type(module).__name__.startswith("CLIPText"):
            continue
        if not path.is_file():
            continue
        stored = load_file(path)
        wanted = module.state_dict()
        if wanted.keys() <= stored.keys():
            continue
        named = {name.removeprefix(_PREFIX): value for name, value in stored.items()}
        missing = [name for name in wanted if name.removeprefix(_PREFIX) not in named]
        if missing:
            raise ModelError(
                f"{path} lacks {len(missing)} weights of a {type(module).__name__}, such as "
                f"{missing[0]}: save the model again with the installed transformers"
            )
        module.load_state_dict({name: named[name.removeprefix(_PREFIX)] for name in wanted})
