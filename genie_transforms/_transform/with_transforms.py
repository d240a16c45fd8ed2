"""Joint transforms of image and label over any dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import Dataset
from torchvision.transforms import v2

from genie_transforms._bank import some_names
from genie_transforms._errors import UserError

from .dataset_classes import classes_of, is_relabelled
from .transform import GeNIeTransform


class WithTransforms(Dataset[Any]):
    """Apply transforms to whole samples of any dataset: image and label together.

    `ImageFolder` and `CIFAR10` pass their `transform` the image only, so a transform that
    changes labels cannot stand there. Attributes of the dataset, such as `classes` and
    `targets`, are those of the wrapper too, but for `transform`: what is set there, as timm's
    `create_loader` sets it, is applied to the image of a sample after its joint transforms.

    Example:
        >>> WithTransforms(ImageFolder(root), v2.Compose([GeNIeTransform(bank), v2.ToImage()]))

    Args:
        dataset: Returns samples, such as (image, label).
        transforms: Applied to each sample.
        lazy: Decide before the real image is read: a replaced sample then costs one decode,
            not two. Needs a `GeNIeTransform` with `replace="target"` and
            `size="stored"` in first place, and a dataset with `targets`, (image, label)
            samples and no transforms of its own. Negatives are RGB, whatever the dataset yields:
            put `v2.RGB()` or `v2.Grayscale()` next where that is not RGB.

    Attributes:
        transform: Applied to the image of (image, label, …) after `transforms`; None at first.

    Raises:
        UserError: The classes of the dataset, also of one within `Subset` or `ConcatDataset` and of
            a Hugging Face dataset, are not those of the transform; or `lazy` lacks what it needs.
    """

    def __init__(
        self, dataset: Any, transforms: Callable[[Any], Any], *, lazy: bool = False
    ) -> None:
        self.dataset = dataset
        self.transforms = transforms
        self.lazy = lazy
        self.transform: Callable[[Any], Any] | None = None
        self._first, self._rest = _split_first(transforms)
        if lazy:
            _check_lazy(dataset, self._first)
        for transform in _transforms_in(transforms):
            _check_classes(dataset, transform)

    def __len__(self) -> int:
        """Return the number of samples of the dataset."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Return a transformed sample."""
        sample = self._joint(index)
        if self.transform is None:
            return sample
        if not isinstance(sample, tuple):
            raise UserError(
                f"the transform {self.transform!r} that was set on WithTransforms needs samples "
                f"(image, label), got a {type(sample).__name__}: put it into transforms="
            )
        return (self.transform(sample[0]), *sample[1:])

    def _joint(self, index: int) -> Any:
        """Return a sample after the joint transforms."""
        if not self.lazy or self._first is None:
            return self.transforms(self.dataset[index])
        # The label without the image: this is what saves the reading.
        label = int(self.dataset.targets[index])
        negative = self._first.draw(label)
        sample = self._first.keep(self.dataset[index]) if negative is None else negative
        for transform in self._rest:
            sample = transform(sample)
        return sample

    def __getattr__(self, name: str) -> Any:
        """Look up what the wrapper lacks in the dataset."""
        # `dataset` is not there yet while unpickling: its look-up would end here again and again.
        if name.startswith("__") or name == "dataset":
            raise AttributeError(name)
        return getattr(self.dataset, name)


def _split_first(
    transforms: Callable[[Any], Any],
) -> tuple[GeNIeTransform | None, list[Callable[[Any], Any]]]:
    """Split transforms into a `GeNIeTransform` in first place and the rest."""
    # A Compose is opened for `lazy`, which draws between the first step and the rest.
    steps = list(transforms.transforms) if isinstance(transforms, v2.Compose) else [transforms]
    if isinstance(steps[0], GeNIeTransform):
        return steps[0], steps[1:]
    return None, steps


def _transforms_in(transforms: Any) -> Iterator[GeNIeTransform]:
    """Yield every `GeNIeTransform` in a Compose, of either version, and in those within it."""
    if isinstance(transforms, GeNIeTransform):
        yield transforms
    steps = getattr(transforms, "transforms", None)
    if isinstance(steps, Sequence):
        for step in steps:
            yield from _transforms_in(step)


def _check_classes(dataset: Any, transform: GeNIeTransform) -> None:
    """Refuse a dataset whose classes are not the transform's: labels would mean other classes."""
    if is_relabelled(dataset):
        if transform.classes is None:
            raise UserError(
                "the dataset has a target_transform, so its class names may not be in the order of "
                "its labels: give GeNIeTransform classes=, a name for each label as samples have it"
            )
        return
    classes = classes_of(dataset, transform.label_at)
    if classes is None or classes == transform.class_names:
        return
    named = all(isinstance(name, str) for name in classes)
    if transform.classes is not None:
        # Names that are no strings, as ImageNet's tuples, cannot be compared: only counted.
        if named or len(classes) != len(transform.classes):
            raise UserError(
                f"the classes of the dataset, {some_names(classes)}, are not the classes= that "
                f"GeNIeTransform was given, {some_names(transform.classes)}: pass dataset.classes"
            )
        return
    raise UserError(
        f"the classes of the dataset, {some_names(classes)}, are not those of the bank "
        f"{transform.bank.path}, {some_names(transform.class_names)}: labels would mean other "
        f"classes; GeNIeTransform(bank, classes=dataset.classes) matches them by name"
    )


def _check_lazy(dataset: Any, first: GeNIeTransform | None) -> None:
    """Refuse a lazy wrapper that could not know labels, or would skip a dataset's transforms."""
    if first is None or first.replace != "target" or first.size != "stored":
        raise UserError(
            'lazy=True needs a GeNIeTransform with replace="target" and size="stored" in first '
            f"place, got {first!r}"
        )
    if not hasattr(dataset, "targets"):
        raise UserError(f"lazy=True needs a dataset with targets, got {type(dataset).__name__}")
    # They work inside `dataset[i]`; torchvision's datasets keep them as `transforms`, too.
    for name in ("transform", "target_transform", "transforms"):
        if getattr(dataset, name, None) is not None:
            raise UserError(
                f"lazy=True would skip the dataset's own {name} for replaced samples: make the "
                f"dataset without it, and put it into the transforms of WithTransforms"
            )
