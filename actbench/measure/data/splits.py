"""From a data set to tensors in memory: splits, standardisation, batches by permutation."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from actbench.measure.streams import stream_seed

_IMAGES_AT_ONCE = 100  # what stays in a processor's cache


class Source(NamedTuple):
    """A data set as it is stored.

    Attributes:
        images: (N, C, H, W), pixels 0 … `white` in uint8, or float32 with `white` = 1 where they are no pixels.
        labels: (N,) int64.
        num_test: The last `num_test` examples are the published test set; 0 where a set has none of its own.
        white: The value of a white pixel.
    """

    images: Tensor
    labels: Tensor
    num_test: int
    white: int


class Batch(NamedTuple):
    """Images (N, C, H, W) float32 and labels (N,) int64, on the run's device."""

    images: Tensor
    labels: Tensor


class Scale(NamedTuple):
    """From pixels as stored to what a network sees: (pixel / white − mean) / std, per channel.

    Attributes:
        white: The value of a white pixel.
        moments: Mean and standard deviation, (1, C, 1, 1) each; None for pixels in [0, 1].
    """

    white: int
    moments: tuple[Tensor, Tensor] | None

    def __call__(self, pixels: Tensor) -> Tensor:
        """Images (N, C, H, W) float32."""
        images = pixels.to(torch.float32, copy=True).div_(self.white)
        if self.moments is None:
            return images
        mean, std = self.moments
        return images.sub_(mean).div_(std)


class Split(NamedTuple):
    """Which examples of a stored set are a split's; images are made of their pixels when they are taken.

    No split copies pixels, and only as many images are floats as are looked at: a run sees few epochs of many images.

    Attributes:
        pixels: (M, C, H, W), of the whole set as in `Source`, on the run's device.
        rows: (N,) int64, those of the split.
        labels: (N,) int64, of these.
        scale: Makes images of pixels.
    """

    pixels: Tensor
    rows: Tensor
    labels: Tensor
    scale: Scale

    def take(self, which: Tensor) -> Batch:
        """The examples of the split that `which`, (B,), names."""
        return Batch(self._images(self.rows.index_select(0, which)), self.labels.index_select(0, which))

    def in_turn(self, size: int) -> Iterator[Batch]:
        """All examples, so many at a time."""
        for index, labels in zip(self.rows.split(size), self.labels.split(size), strict=True):
            yield Batch(self._images(index), labels)

    def first(self, count: int) -> Batch:
        """The first examples, all where there are fewer."""
        return Batch(self._images(self.rows[:count]), self.labels[:count])

    def whole(self) -> Batch:
        """All examples, made anew at each call."""
        return self.first(len(self.labels))

    def _images(self, index: Tensor) -> Tensor:
        # Not pixels[index]: the same bytes, but row by row in a third of the time.
        return self.scale(self.pixels.index_select(0, index))


class Splits(NamedTuple):
    """Training, validation and test examples. Test is read once, when training has ended."""

    train: Split
    val: Split
    test: Split


def split(
    source: Source,
    *,
    num_val: int,
    num_test: int | None,
    num_train: int | None,
    standardize: bool,
    seed: int,
    device: torch.device,
) -> Splits:
    """Draw stratified splits with the stream `split` of `seed`.

    Args:
        source: The stored data set.
        num_val: Number of validation examples.
        num_test: Number of test examples to draw; None takes the published test set.
        num_train: Number of training examples, drawn from what is left; None takes all that is left.
        standardize: Subtract the mean and divide by the standard deviation of the training pixels, per channel;
            otherwise pixels are in [0, 1].
        seed: Fixes the split.
        device: Where the tensors are put.
    """
    drawn = indices(source, num_val=num_val, num_test=num_test, num_train=num_train, seed=seed)
    scale = Scale(source.white, _moments(source, drawn[0], device=device) if standardize else None)
    pixels = source.images.to(device)

    def chosen(index: np.ndarray) -> Split:
        which = torch.from_numpy(index)
        return Split(pixels, which.to(device), source.labels[which].to(device), scale)

    return Splits(*map(chosen, drawn))


def indices(
    source: Source, *, num_val: int, num_test: int | None, num_train: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which examples are for training, validation and test.

    Raises:
        ValueError: If a split is too small to hold every class.
    """
    labels, random_state = source.labels.numpy(), stream_seed(seed, "split")
    num_stored = len(labels) - source.num_test
    rest, test = np.arange(num_stored), np.arange(num_stored, len(labels))
    if num_test is not None:
        rest, test = train_test_split(rest, test_size=num_test, stratify=labels[rest], random_state=random_state)
    rest, val = train_test_split(rest, test_size=num_val, stratify=labels[rest], random_state=random_state)
    if num_train is not None and num_train < len(rest):
        rest, _ = train_test_split(rest, train_size=num_train, stratify=labels[rest], random_state=random_state)
    return rest, val, test


def _moments(source: Source, index: np.ndarray, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the images that `index` names, per channel, (1, C, 1, 1) each, on `device`.

    torch.std_mean gives the same bits by Welford's recurrence, which float64 sums of pixels do without.
    """
    count = len(index) * source.images[0, 0].numel()
    mean, square = (sums[index].sum(0)[None, :, None, None] / count for sums in _sums(source))
    std = (square - mean.square()).clamp(min=0).sqrt()
    return mean.float().to(device), std.float().to(device)


@functools.lru_cache(maxsize=1)
def _sums(source: Source) -> tuple[Tensor, Tensor]:
    """Of every image the sum of its pixels and that of their squares, (N, C) float64 each: once for all seeds."""
    first, second = [], []
    for pixels in source.images.split(_IMAGES_AT_ONCE):
        shares = Scale(source.white, None)(pixels).flatten(2).double()
        first.append(shares.sum(2))
        second.append(shares.square_().sum(2))
    return torch.cat(first), torch.cat(second)


def batches(train: Split, *, batch_size: int, order: torch.Generator) -> Iterator[Batch]:
    """One epoch: every example at most once, in an order drawn from `order`; a last incomplete batch is left out."""
    permutation = torch.randperm(len(train.labels), generator=order).to(train.labels.device)
    for start in range(0, len(permutation) - batch_size + 1, batch_size):
        yield train.take(permutation[start : start + batch_size])
