"""Replace samples of a whole batch: each row is written once, into a new tensor or in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from genie_transforms._bank import Bank, RenumberedBank, RowNumbers
from genie_transforms._digest import Pixels
from genie_transforms._errors import UnsupportedSampleError, UserError
from genie_transforms.format import Size

from .convert import Converter, with_channels


def check_labels(labels: torch.Tensor, batch_size: int, num_classes: int) -> RowNumbers:
    """Read the labels of a batch, ``(B,)`` integers.

    Raises:
        UnsupportedSampleError: They have another shape or are not integers, as after MixUp.
        UserError: One of them is not one of the bank's classes.
        ValueError: B differs from the number of images.
    """
    if labels.ndim == 2 and labels.shape[1] == 1 and not labels.is_floating_point():
        raise UnsupportedSampleError(
            f"the labels of a batch must have the shape (batch_size,), got {tuple(labels.shape)}: "
            "give labels.squeeze(1)"
        )
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise UnsupportedSampleError(
            f"the labels of a batch must be integers of shape (batch_size,), got {labels.dtype} of "
            f"shape {tuple(labels.shape)}: put GeNIeTransform before MixUp and CutMix, which make "
            f"them soft"
        )
    if len(labels) != batch_size:
        raise ValueError(f"{batch_size} images but {len(labels)} labels")
    values = labels.cpu().numpy().astype(np.int64)
    wrong = values[(values < 0) | (values >= num_classes)]
    if len(wrong):  # refused before anything is drawn or written
        raise UserError(
            f"label {wrong[0]} is not one of the bank's {num_classes} classes: "
            f"were dataset and bank made from the same classes?"
        )
    return values


def replace_rows(
    images: torch.Tensor,
    rows: RowNumbers,
    bank: Bank | RenumberedBank,
    converter: Converter,
    *,
    in_place: bool,
) -> torch.Tensor:
    """Return the batch with some images replaced, in the same layout.

    Args:
        images: ``(B, C, H, W)``.
        rows: ``(B,)`` rows of the bank, -1 where the image stays.
        bank: Where the negatives come from; fastest when `decoded` to H × W.
        converter: Brings their pixels to the dtype and scale of `images`.
        in_place: Write into `images`, so that only replaced images are touched; otherwise into
            a new tensor.

    Raises:
        UserError: `in_place` is set, and images share memory or need a gradient.
    """
    plain = images.as_subclass(torch.Tensor)  # a tv_tensor would go through Python at each call
    converter.check_range(plain)
    if in_place:
        _check_writable(plain)
    elif plain.requires_grad and torch.is_grad_enabled():
        # Gradients of the images that stay go through them; a negative has none.
        replaced = replace_rows(plain.detach(), rows, bank, converter, in_place=False)
        stays = torch.from_numpy(rows < 0).to(plain.device)[:, None, None, None]
        return torch.where(stays, plain, replaced)
    if plain.device.type != "cpu":
        return _replace_on_device(plain, rows, bank, converter, in_place=in_place)
    size: Size = (int(plain.shape[2]), int(plain.shape[3]))
    places = np.flatnonzero(rows >= 0)
    arrays = _negatives(bank, rows[places], size, plain.shape[1])
    negatives = zip(places.tolist(), arrays, strict=True)
    if plain.dtype == torch.uint8:
        return _replace_bytes(plain, negatives, in_place=in_place)
    result = plain if in_place else _copy_kept(plain, rows)
    views = result.unbind(0)  # all at once: indexing one by one costs as much as a small copy
    for place, array in negatives:
        _write(torch.from_numpy(array), converter, views[place])
    return result


def _check_writable(images: torch.Tensor) -> None:
    """Refuse to write into a batch where this would change other images, or gradients.

    Raises:
        UserError: The images share memory, or need a gradient.
    """
    sizes = zip(images.shape, images.stride(), strict=True)
    if any(stride == 0 and size > 1 for size, stride in sizes):
        raise UserError(
            "in_place=True cannot write into an expanded batch, whose images share their memory: "
            "pass images.clone(), or in_place=False"
        )
    if images.requires_grad:
        raise UserError(
            "in_place=True cannot write into a batch that requires a gradient: pass "
            "images.detach(), or in_place=False"
        )


def _negatives(
    bank: Bank | RenumberedBank, rows: RowNumbers, size: Size, num_channels: int
) -> Iterator[Pixels]:
    """Yield the pixels of rows, ``(C, H, W)`` uint8, to be read only."""
    arrays = bank.mapped_arrays(rows, size)
    if num_channels == 3:
        return arrays
    return (with_channels(torch.from_numpy(array), num_channels).numpy() for array in arrays)


def _replace_bytes(
    images: torch.Tensor, negatives: Iterable[tuple[int, Pixels]], *, in_place: bool
) -> torch.Tensor:
    """Copy negatives into a uint8 batch, or kept images and negatives into a new one."""
    if in_place:
        target = images.numpy()  # numpy has less to do for each small copy than torch
        for place, array in negatives:
            target[place] = array
        return images
    rows = list(images.unbind(0))
    for place, array in negatives:
        rows[place] = torch.from_numpy(array)
    result = torch.empty_like(images)
    # One call, on all of torch's threads; of no rows at all it would refuse to make a batch.
    return torch.stack(rows, out=result) if rows else result


def _copy_kept(images: torch.Tensor, rows: RowNumbers) -> torch.Tensor:
    """Copy the images that stay into a new batch, neighbours together: each byte moves once."""
    out = torch.empty_like(images)
    # Padded with False, so that each run of kept images has a first and a last edge.
    stays = np.concatenate(([False], rows < 0, [False]))
    edges = np.flatnonzero(stays[1:] != stays[:-1]).reshape(-1, 2)
    for start, stop in edges.tolist():
        out[start:stop].copy_(images[start:stop])
    return out


def _write(planes: torch.Tensor, converter: Converter, out: torch.Tensor) -> None:
    """Write one negative, ``(C, H, W)`` uint8, into its place in a batch of another dtype."""
    if out.is_floating_point():
        converter.scale(planes, out)
    else:
        out.copy_(converter.like(planes, out))


def _replace_on_device(
    images: torch.Tensor,
    rows: RowNumbers,
    bank: Bank | RenumberedBank,
    converter: Converter,
    *,
    in_place: bool,
) -> torch.Tensor:
    """Send the negatives of a batch to its device as uint8, in one transfer."""
    result = images if in_place else images.clone()
    places = np.flatnonzero(rows >= 0)
    if not len(places):
        return result
    size: Size = (int(images.shape[2]), int(images.shape[3]))
    # One transfer, for many small ones would each wait; of uint8, a quarter of the bytes.
    block = np.empty((len(places), images.shape[1], *size), dtype=np.uint8)
    for position, array in enumerate(_negatives(bank, rows[places], size, images.shape[1])):
        block[position] = array
    on_device = torch.from_numpy(block).to(images.device)
    result[torch.from_numpy(places).to(images.device)] = converter.like(on_device, images)
    return result
