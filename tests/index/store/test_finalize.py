"""A finalized bank is one that `datasets` opens."""

import hashlib
from pathlib import Path

from datasets import ClassLabel, load_from_disk

from genie_transforms.format import Manifest
from index.store import claim_folder, finalize
from tests.banks import CLASSES

from .written import BUILD, write


def test_a_finalized_bank_opens_with_datasets(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    claim_folder(out, BUILD)
    write(out, 1, [2])
    write(out, 0, [0, 1])
    finalize(out, CLASSES, BUILD, 3)
    table = load_from_disk(str(out))
    assert table["label"][:] == [0, 1, 2]
    assert isinstance(table.features["label"], ClassLabel)
    assert table.features["label"].names == list(CLASSES)
    assert table[0]["image"].size == (16, 16)
    manifest = Manifest.read(out)
    assert manifest.counts == {
        "pairs": 3,
        "rows": 3,
        "failed": 0,
        "network_rows": 20,
        "reused": 0,
        "shards": 2,
    }
    for shard in manifest.shards:
        data = (out / shard["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == shard["sha256"]
