"""Captions from a BLIP of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipModel,
    BlipProcessor,
    set_seed,
)

from genie_transforms import UserError
from index.sources.captioner import write_captions
from index.sources.captions import read_captions

IDS = ["dog/1.png", "dog/2.png", "car/1.png"]
WORDS = ["red", "dog", "on", "grass", "a", "car", "blue", "sky"]


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BLIP of random weights that knows eight words."""
    folder = tmp_path_factory.mktemp("blip")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    tokenizer = BertTokenizerFast(str(vocabulary))
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2}
    marks = {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    set_seed(4)
    config = BlipConfig(
        text_config={
            **small, **heads, **marks, "vocab_size": 13, "encoder_hidden_size": 16,
            "max_position_embeddings": 32,
        },
        vision_config={**small, **heads, "image_size": 16, "patch_size": 8},
    )  # fmt: skip
    model = BlipForConditionalGeneration(config)
    for parameter in model.parameters():
        parameter.data += 0.3 * parameter.data.new_empty(parameter.shape).normal_()
    model.text_decoder.cls.predictions.bias.data[:5] = -100  # words alone, no marks
    model.save_pretrained(folder)
    size = {"height": 16, "width": 16}
    BlipProcessor(BlipImageProcessor(size=size), tokenizer).save_pretrained(folder)
    return folder


def images() -> list[Image.Image]:
    return [Image.new("RGB", (20, 24), color) for color in ("red", "green", "blue")]


def test_blip_writes_a_file_that_is_read_back(blip: Path, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    write_captions(path, str(blip), IDS, iter(images()))
    captions = read_captions(path, IDS)
    assert json.loads(path.read_text()) == dict(zip(IDS, captions, strict=True))
    assert all(set(caption.split()) <= set(WORDS) for caption in captions)
    # As one image at a time, by the library's own recipe.
    model = BlipForConditionalGeneration.from_pretrained(blip).eval()
    processor = BlipProcessor.from_pretrained(blip)
    for image, caption in zip(images(), captions, strict=True):
        ids = model.generate(**processor(images=image, return_tensors="pt"), max_new_tokens=30)
        assert processor.decode(ids[0], skip_special_tokens=True) == caption


def test_models_that_cannot_caption(blip: Path, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    with pytest.raises(UserError, match="--captioner /nowhere cannot be opened as a BLIP"):
        write_captions(path, "/nowhere", IDS, images())
    config = BlipConfig.from_pretrained(blip)
    BlipModel(config).save_pretrained(tmp_path / "other")
    BlipProcessor.from_pretrained(blip).save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="is not a captioning BLIP: it lacks text_decoder"):
        write_captions(path, str(tmp_path / "other"), IDS, images())
    with pytest.raises(ValueError, match=r"writes a \.json file, got captions\.csv"):
        write_captions(Path("captions.csv"), str(blip), IDS, images())
    assert not path.exists()
