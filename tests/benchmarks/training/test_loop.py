"""A training is decided by its settings: not by interruptions, workers or ranks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from benchmarks.training import TrainingConfig, make_network, train
from genie_transforms import FolderInUseError, UserError

LABELS = np.repeat(np.arange(3), (9, 5, 2))


class Images(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """16 images of one level each, whose transform draws at random."""

    def __init__(self, size: int = 16, fail_at: int = -1) -> None:
        self.transform = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomCrop(size, padding=4)])
        self.size, self.left = size, fail_at

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.left -= 1
        if self.left == 0:
            raise InterruptedError
        ramp = torch.linspace(0, 1 + index, self.size).expand(3, self.size, self.size)
        return self.transform(ramp), int(LABELS[index])


def _settings(**changes: object) -> TrainingConfig:
    given = {"num_steps": 7, "warmup_steps": 2, "batch_size": 6, "checkpoint_every": 2}
    return TrainingConfig(device="cpu", **{**given, **changes})  # type: ignore[arg-type]


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


def _same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(_weights(first).values(), _weights(second).values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sampler": "class-balanced", "mix": "mixup-or-cutmix", "optimizer": "adamw"},
        {"channels_last": True},
    ],
)
def test_a_resumed_training_equals_an_uninterrupted_one(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    config = _settings(**changes)
    whole = train(config, Images(), LABELS, 3, tmp_path / "whole", content="")
    with pytest.raises(InterruptedError):  # in the sixth step, after the checkpoint of the fourth
        train(config, Images(fail_at=33), LABELS, 3, tmp_path / "cut", content="")
    resumed = train(config, Images(), LABELS, 3, tmp_path / "cut", content="")
    assert _same(whole, resumed)
    again = train(
        config, Images(fail_at=1), LABELS, 3, tmp_path / "cut", content=""
    )  # nothing is left to do
    assert _same(whole, again)


def test_channels_last_trains_the_same_network(tmp_path: Path) -> None:
    usual = train(_settings(num_steps=3), Images(), LABELS, 3, tmp_path / "usual", content="")
    config = _settings(num_steps=3, channels_last=True)
    turned = train(config, Images(), LABELS, 3, tmp_path / "turned", content="")
    convolution = next(m for m in turned.modules() if isinstance(m, nn.Conv2d))
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    for key, weight in _weights(usual).items():
        torch.testing.assert_close(_weights(turned)[key], weight, rtol=1e-3, atol=1e-4)


def test_epochs_are_counted_in_steps() -> None:
    config = _settings(epochs=10, warmup_epochs=1).in_steps(16)
    # 16 images in batches of 6: 160 / 6 and 16 / 6, rounded
    assert (config.num_steps, config.warmup_steps, config.epochs) == (27, 3, 0)
    assert config.in_steps(99) == config
    with pytest.raises(UserError, match="warmup_epochs must be less than epochs, got 2 of 2"):
        _settings(epochs=2, warmup_epochs=2)


def test_a_batch_in_passes_is_the_same_batch(tmp_path: Path) -> None:
    whole = train(_settings(**_RANKS), Images(160), LABELS, 3, tmp_path / "whole", content="")
    config = _settings(**{**_RANKS, "passes": 2})
    parts = train(config, Images(160), LABELS, 3, tmp_path / "parts", content="")
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_workers_change_nothing_and_seeds_do(tmp_path: Path) -> None:
    config = _settings()
    alone = train(config, Images(), LABELS, 3, tmp_path / "alone", content="")
    shared = train(_settings(workers=2), Images(), LABELS, 3, tmp_path / "workers", content="")
    other = train(_settings(seed=1), Images(), LABELS, 3, tmp_path / "seed", content="")
    assert _same(alone, shared)
    assert not _same(alone, other)


def test_a_folder_holds_one_training(tmp_path: Path) -> None:
    train(_settings(num_steps=2, warmup_steps=1), Images(), LABELS, 3, tmp_path, content="")
    with pytest.raises(FolderInUseError, match="'num_steps': 2"):
        train(_settings(), Images(), LABELS, 3, tmp_path, content="")
    with pytest.raises(FolderInUseError, match="'labels': "):  # other images, the same settings
        train(
            _settings(num_steps=2, warmup_steps=1), Images(), LABELS[::-1], 3, tmp_path, content=""
        )


def test_images_with_the_same_labels_are_told_apart_by_what_is_said_of_them(tmp_path: Path) -> None:
    config = _settings(num_steps=2, warmup_steps=1)
    train(config, Images(), LABELS, 3, tmp_path, content="one bank")
    train(config, Images(), LABELS, 3, tmp_path, content="one bank")
    with pytest.raises(FolderInUseError, match="'content': 'one bank'"):
        train(config, Images(), LABELS, 3, tmp_path, content="another")


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    for changes, message in (
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"warmup_steps": 7}, "warmup_steps must lie in"),
    ):
        with pytest.raises(UserError, match=message):
            _settings(**changes)
    with pytest.raises(UserError, match="float16 needs a GPU"):
        train(_settings(precision="float16"), Images(), LABELS, 3, tmp_path, content="")
    with pytest.raises(UserError, match=r"there are none of \[3\]"):
        train(_settings(loss="balanced-softmax"), Images(), LABELS, 4, tmp_path, content="")


def test_bfloat16_and_tensorboard(tmp_path: Path) -> None:
    config = _settings(num_steps=2, warmup_steps=1, precision="bfloat16", tensorboard=True)
    network = train(config, Images(8), LABELS, 3, tmp_path, content="")
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert list(tmp_path.glob("events.out.tfevents*"))


_RANKS = {
    "model": "timm:test_vit",
    "num_steps": 3,
    "warmup_steps": 1,
    "batch_size": 4,
    "learning_rate": 0.01,
}
"""Without batch norm, whose statistics would be those of each rank's own images."""


def _main(folder: str) -> None:
    torch.set_num_threads(1)
    train(_settings(**_RANKS), Images(160), LABELS, 3, Path(folder), content="")


def test_two_ranks_equal_one_process(tmp_path: Path) -> None:
    whole = train(_settings(**_RANKS), Images(160), LABELS, 3, tmp_path / "one", content="")
    code = f"from {__name__} import _main; _main({str(tmp_path / 'two')!r})"
    (tmp_path / "run.py").write_text(code)
    command = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0"]
    subprocess.run(
        [sys.executable, *command, "--standalone", str(tmp_path / "run.py")],
        env={**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=600,
        capture_output=True,
    )
    shared = train(
        _settings(**_RANKS), Images(160), LABELS, 3, tmp_path / "two", content=""
    )  # as it is
    begun = make_network(_settings(**_RANKS), 3)
    moved = (begun.state_dict()["head.weight"] - whole.state_dict()["head.weight"]).abs().max()
    assert moved > 1e-3
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[key], value, rtol=1e-4, atol=1e-5, msg=key)
