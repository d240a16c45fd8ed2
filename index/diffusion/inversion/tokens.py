"""Learned tokens: new words of a model's text encoders, one file each.

The files are those of diffusers' `load_textual_inversion`: `{token: (1, width)}`, and for Stable
Diffusion XL, which has two text encoders, `{"clip_l": (1, width), "clip_g": (1, width_2)}`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffusers.loaders import TextualInversionLoaderMixin
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from genie_transforms import MissingFileError, UserError
from genie_transforms.format import atomic_path
from index.diffusion import Family, ModelError

Learned = dict[str, Tensor]
"""A token's embedding in each text encoder, by name of the encoder: ``(width,)``."""


def token_of(name: str) -> str:
    """Return the token of a class: `<great-white-shark>` for "great_white_shark"."""
    return f"<{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}>"


def tokens_of(names: Sequence[str]) -> dict[str, str]:
    """Return the token of each class, by name.

    Raises:
        UserError: Two classes would share one, or a name has neither letters nor digits of ASCII.
    """
    owners: dict[str, str] = {}
    for name in names:
        token = token_of(name)
        if token == "<>" or token in owners:
            other = f"also that of {owners[token]!r}" if token in owners else "empty"
            raise UserError(f"class {name!r} would get the token {token}, {other}: rename it")
        owners[token] = name
    return {name: token for token, name in owners.items()}


def text_encoders(family: Family) -> dict[str, tuple[Any, Any]]:
    """Return a model's pairs of tokenizer and CLIP text encoder, by the names that files use.

    Raises:
        ModelError: diffusers cannot teach this model a token.
    """
    pipeline = family.pipeline
    if not isinstance(pipeline, TextualInversionLoaderMixin):
        raise ModelError(
            f"{family.name} takes no learned tokens: diffusers has no textual inversion for "
            f"{type(pipeline).__name__}. Use Stable Diffusion 1.x, 2.x or XL"
        )
    found = {"clip_l": (pipeline.tokenizer, pipeline.text_encoder)}
    if getattr(pipeline, "text_encoder_2", None) is not None:
        found["clip_g"] = (pipeline.tokenizer_2, pipeline.text_encoder_2)
    return found


def add_tokens(family: Family, learned: Mapping[str, Learned]) -> None:
    """Teach a model tokens, by token.

    Raises:
        ModelError: The model takes none, or tokens of another width.
    """
    tokens = list(learned)
    for name, (tokenizer, encoder) in text_encoders(family).items():
        width = encoder.get_input_embeddings().embedding_dim
        for token, embedding in learned.items():
            if name not in embedding or embedding[name].numel() != width:
                shapes = {part: tuple(value.shape) for part, value in embedding.items()}
                raise ModelError(
                    f"the token {token} has {shapes}, and the text encoder {name} of this "
                    f"{family.name} wants one vector of {width}: it was learned for another model"
                )
        vectors = [embedding[name].detach().cpu() for embedding in learned.values()]
        # Resized here, before diffusers does: it draws the new rows from the global generator.
        encoder.resize_token_embeddings(len(tokenizer) + len(tokens), mean_resizing=False)
        family.pipeline.load_textual_inversion(
            vectors, token=tokens, tokenizer=tokenizer, text_encoder=encoder
        )


def remove_tokens(family: Family, tokens: Sequence[str]) -> None:
    """Take tokens from a model that `add_tokens` taught it."""
    for tokenizer, encoder in text_encoders(family).values():
        family.pipeline.unload_textual_inversion(
            list(tokens), tokenizer=tokenizer, text_encoder=encoder
        )


def write_token(path: Path, token: str, learned: Learned, key: str) -> None:
    """Write a token; `key` identifies all that decided it."""
    rows = {name: value.detach().cpu().reshape(1, -1) for name, value in learned.items()}
    state = rows if len(rows) > 1 else {token: rows["clip_l"]}
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata={"token": token, "key": key})


def key_of(path: Path) -> str:
    """Read the key that a token was written with; "" for a file without one.

    Raises:
        UserError: It is not a safetensors file.
    """
    try:
        with safe_open(path, "pt") as file:
            return str((file.metadata() or {}).get("key", ""))
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file: {error}") from error


def read_token(path: Path) -> Learned:
    """Read a token from a file of ours or of diffusers' own training script.

    Raises:
        UserError: The file holds something else.
    """
    key_of(path)  # refuses what is not a safetensors file
    state: Learned = load_file(path)
    # By number, not by name: with one text encoder, files are keyed by whatever token they hold.
    if len(state) == 1:
        return {"clip_l": next(iter(state.values()))}
    if state.keys() != {"clip_l", "clip_g"}:
        raise UserError(f"{path} holds {sorted(state)[:5]}, not one token, or clip_l and clip_g")
    return state


def find_tokens(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """Find the file of each class's token, by name of the class; no model is needed.

    Args:
        folder: Holds `<class>.safetensors` for each class.
        names: The classes.

    Raises:
        MissingFileError: The folder or a class's file is missing.
        UserError: Two classes would share a token.
    """
    paths = {name: folder / f"{name}.safetensors" for name in names}
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        raise MissingFileError(
            f"--inversions {folder} has no token for {len(missing)} of {len(names)} classes: "
            f"{', '.join(missing[:5])}; python -m index.invert learns them"
        )
    tokens_of(names)
    return paths


def load_tokens(family: Family, folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Teach a model the tokens of classes.

    Args:
        family: The model, changed in place.
        folder: Holds `<class>.safetensors` for each class.
        names: The classes.

    Returns:
        The sha256 of each class's file, by name; its token is `token_of` the name.

    Raises:
        MissingFileError: The folder or a class's file is missing.
        ModelError: The model takes no tokens, or none of this width.
        UserError: A file holds something else, or two classes would share a token.
    """
    paths, tokens = find_tokens(folder, names), tokens_of(names)
    add_tokens(family, {tokens[name]: read_token(path) for name, path in paths.items()})
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
