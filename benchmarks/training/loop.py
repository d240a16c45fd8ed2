"""The training loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import v2
from tqdm import tqdm

from genie_transforms import UserError
from index.device import choose_device
from index.train import claim_folder

from .batches import ImageDataset, Integers, Rank, class_counts, load, seed_of
from .checkpoint import Training, about_labels
from .config import TrainingConfig
from .losses import make_loss
from .networks import make_network
from .ranks import joined_ranks, local_device, shared, wait_for_all

Mix = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def train(
    config: TrainingConfig,
    dataset: ImageDataset,
    labels: Integers,
    num_classes: int,
    folder: Path,
    *,
    content: str,
) -> nn.Module:
    """Train a classifier, or go on where it was interrupted, and return it in eval mode.

    The result depends on the configuration and the dataset alone: on a CPU bit for bit, whatever
    the interruptions and the number of workers. Under `torchrun` the ranks share each batch.

    Args:
        config: The training.
        dataset: Returns (image ``(3, H, W)`` float32, class number); random choices of its
            transform come from the global generators of torch, NumPy or Python.
        labels: Class number of each of its images, ``(N,)`` int64.
        num_classes: C.
        folder: Holds settings and checkpoint; the same one again goes on.
        content: What tells its images from others with the same labels, such as the digest of a
            bank's rows (`Bank.content.rows`); "" if nothing else ever fills this folder.

    Raises:
        UserError: A setting cannot be used, alone or with these images.
        FolderInUseError: The folder holds another training.
        RuntimeError: The loss is no longer finite.
    """
    labels = np.asarray(labels)
    device, config = _checked_device(config, labels), config.in_steps(len(labels))
    with joined_ranks(device, config) as rank:
        about = about_labels(labels, num_classes) | ({"content": content} if content else {})
        claim_folder(folder, config.recipe() | about)
        torch.manual_seed(seed_of(config.seed))
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        network = make_network(config, num_classes).to(device).to(memory_format=layout)
        training = Training.begin(network, config)
        training.load(folder)
        loss_of = make_loss(config, class_counts(labels, num_classes, config.sampler))
        model, mix = shared(network.train(), device, rank), _mix(config, num_classes)
        cast = torch.autocast(
            device.type, _DTYPES[config.precision], enabled=config.precision != "float32"
        )
        log = _Log(folder, config, rank)
        for images, targets in load(dataset, labels, config, rank, training.step):
            # Mixing and dropout draw from the global generator: this step's own numbers.
            torch.manual_seed(seed_of(config.seed, training.step, config.batch_size + rank.rank))
            mixed, soft = mix(images.to(device), targets.to(device))
            loss = 0.0
            for part, of in _parts(mixed, soft, config.passes):
                with cast:
                    share = loss_of(model(part).float(), of) * len(part) / len(mixed)
                loss += training.add(share)
            training.take(loss)
            log.write(training)
            if training.step % config.checkpoint_every == 0 or training.step == config.num_steps:
                if rank.rank == 0:
                    training.save(folder)
                wait_for_all(rank)
        log.close()
        return network.eval()


_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def _checked_device(config: TrainingConfig, labels: Integers) -> torch.device:
    device = local_device(choose_device(config.device))
    if config.precision == "float16" and device.type == "cpu":
        raise UserError("--precision float16 needs a GPU: give bfloat16 or float32")
    if not len(labels):
        raise UserError("there are no images to train on")
    return device


def _mix(config: TrainingConfig, num_classes: int) -> Mix:
    """Return what mixes a batch, or leaves it as it is."""
    if config.mix == "none":
        return lambda images, labels: (images, labels)
    kinds = {
        "mixup": v2.MixUp(alpha=config.mixup_alpha, num_classes=num_classes),
        "cutmix": v2.CutMix(alpha=config.cutmix_alpha, num_classes=num_classes),
    }
    mix: Mix = v2.RandomChoice([kinds[name] for name in config.mix.split("-or-")])
    return mix


def _parts(images: Tensor, labels: Tensor, passes: int) -> zip[tuple[Tensor, Tensor]]:
    """Cut a batch into parts that go through the network one after the other."""
    return zip(images.chunk(passes), labels.chunk(passes), strict=True)


class _Log:
    """A progress bar, and TensorBoard if wanted, of the first rank."""

    def __init__(self, folder: Path, config: TrainingConfig, rank: Rank) -> None:
        quiet = rank.rank > 0 or None  # None: quiet where there is no terminal
        self._bar = tqdm(total=config.num_steps, desc="train", mininterval=5, disable=quiet)
        self._writer = None
        if config.tensorboard and rank.rank == 0:
            from torch.utils.tensorboard import SummaryWriter  # an extra package

            self._writer = SummaryWriter(str(folder))

    def write(self, training: Training) -> None:
        """Log the step that was taken."""
        self._bar.update(training.step - self._bar.n)
        if self._writer:
            rate = training.schedule.get_last_lr()[0]
            for name, value in (("loss", training.losses[-1]), ("learning_rate", rate)):
                self._writer.add_scalar(name, value, training.step)

    def close(self) -> None:
        """Finish the bar and the files."""
        self._bar.close()
        if self._writer:
            self._writer.close()
