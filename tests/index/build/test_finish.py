"""What makes a bank of finished shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genie_transforms.format import Manifest, verify_bank
from index.build import report_build, shards
from index.config import BuildConfig
from index.generate import BuildContext, ShardResult
from index.plan import Plan


def test_a_demo_bank_whose_pairs_all_failed_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_shard(context: BuildContext, plan: Plan, *others: Any) -> ShardResult:
        pairs = zip(plan.sources.tolist(), plan.targets.tolist(), strict=True)
        failures = [{"source": s, "target": t, "reason": "black"} for s, t in pairs]
        return ShardResult(failures=failures)

    monkeypatch.setattr(shards, "run_shard", run_shard)
    out = tmp_path / "bank"
    printed = report_build(BuildConfig(out=out, max_pairs=3, num_inference_steps=4))
    assert Manifest.read(out).counts["failed"] == 3
    assert verify_bank(out) == []
    assert not (out / "preview.png").exists()
    assert "3 planned, 0 made, 3 failed" in printed
    assert "oracle" not in printed
