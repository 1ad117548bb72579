"""A data set as tensors in memory: splits, standardisation, shuffled batches."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from actbench.measure.data.stratified import stratified_split
from actbench.measure.streams import stream_seed

_CHUNK = 100  # images, as many as fit in a processor's cache


class Source(NamedTuple):
    """A data set as it is stored.

    Attributes:
        images: (N, C, H, W), pixels 0 … `white` in uint8; or float32 values with `white` = 1.
        labels: (N,) int64.
        num_test: The last `num_test` examples are the published test set; 0 if there is none.
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
    """Maps stored pixels to a network's input: (pixel / white − mean) / std, per channel.

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
    """A split of a data set, as indices; images are computed from the stored pixels whenever they are read.

    Splits share the pixels, and only the current batch is held as floats: a run sees few epochs of many images.

    Attributes:
        pixels: (M, C, H, W), of the whole data set as in `Source`, on the run's device.
        rows: (N,) int64, the split's examples in `pixels`.
        labels: (N,) int64, of the split's examples.
        scale: Maps pixels to images.
    """

    pixels: Tensor
    rows: Tensor
    labels: Tensor
    scale: Scale

    def take(self, index: Tensor) -> Batch:
        """The split's examples at `index`, (B,)."""
        return Batch(self._images(self.rows.index_select(0, index)), self.labels.index_select(0, index))

    def in_turn(self, size: int) -> Iterator[Batch]:
        """All examples in order, in batches of `size`; the last one may be smaller."""
        for rows, labels in zip(self.rows.split(size), self.labels.split(size), strict=True):
            yield Batch(self._images(rows), labels)

    def first(self, count: int) -> Batch:
        """The first `count` examples, or all if there are fewer."""
        return Batch(self._images(self.rows[:count]), self.labels[:count])

    def examples(self) -> Batch:
        """All examples, computed at each call."""
        return self.first(len(self.labels))

    def _images(self, rows: Tensor) -> Tensor:
        # index_select takes a third of the time of pixels[rows], for the same bytes.
        return self.scale(self.pixels.index_select(0, rows))


class Splits(NamedTuple):
    """Training, validation and test examples. The test split is read once, after training."""

    train: Split
    val: Split
    test: Split


def sizes(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a data set's config says of its splits, as keywords of `split` and `indices`."""
    return {name: data[name] for name in ("num_val", "num_train", "num_test", "num_folds") if name in data}


def split(
    source: Source,
    *,
    num_val: int,
    num_train: int | None,
    num_test: int | None = None,
    num_folds: int | None = None,
    standardize: bool,
    seed: int,
    device: torch.device,
) -> Splits:
    """Draw stratified splits with the stream `split` of `seed`.

    The test set is the published one, unless `num_test` or `num_folds` is given.

    Args:
        source: The stored data set.
        num_val: Number of validation examples.
        num_test: Number of test examples to draw.
        num_folds: Number of folds that are the same for all seeds; the test set is fold seed mod num_folds.
        num_train: Number of training examples, drawn from the remaining ones; None takes all of these.
        standardize: Subtract the mean and divide by the standard deviation of the training pixels, per channel;
            otherwise pixels are in [0, 1].
        seed: Fixes the split.
        device: Device of the tensors.
    """
    train, val, test = indices(
        source, num_val=num_val, num_train=num_train, num_test=num_test, num_folds=num_folds, seed=seed
    )
    scale = Scale(source.white, _moments(source, train, device=device) if standardize else None)
    pixels = source.images.to(device)

    def split_of(index: np.ndarray) -> Split:
        rows = torch.from_numpy(index)
        return Split(pixels, rows.to(device), source.labels[rows].to(device), scale)

    return Splits(split_of(train), split_of(val), split_of(test))


def indices(
    source: Source,
    *,
    num_val: int,
    num_train: int | None,
    num_test: int | None = None,
    num_folds: int | None = None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The indices of the training, validation and test examples.

    Raises:
        ValueError: If a split is too small to hold every class.
    """
    labels, random_state = source.labels.numpy(), stream_seed(seed, "split")
    num_stored = len(labels) - source.num_test
    rest, test = np.arange(num_stored), np.arange(num_stored, len(labels))

    def drawn(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        return stratified_split(rows, labels[rows], num_held_out=count, random_state=random_state)

    if num_folds is not None:
        test = folds(labels, num_folds)[seed % num_folds]
        rest = np.setdiff1d(rest, test)
    elif num_test is not None:
        rest, test = drawn(rest, num_test)
    rest, val = drawn(rest, num_val)
    if num_train is not None and num_train < len(rest):
        rest, _ = drawn(rest, len(rest) - num_train)
    return rest, val, test


def folds(labels: np.ndarray, count: int) -> list[np.ndarray]:
    """The indices of each of `count` stratified folds, ascending: the same for every seed of a PROTOCOL.

    Every count-th of the shuffled examples, sorted by class: folds differ in size, and in that of each class, by at
    most one.

    Raises:
        ValueError: If a class has fewer examples than there are folds.
    """
    if np.bincount(labels).min() < count:
        raise ValueError(f"a class has fewer than {count} examples, one for each fold")
    shuffled = np.arange(len(labels))
    np.random.RandomState(stream_seed(0, "folds")).shuffle(shuffled)
    by_class = shuffled[labels[shuffled].argsort(kind="stable")]
    return [np.sort(by_class[first::count]) for first in range(count)]


def _moments(source: Source, index: np.ndarray, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the images at `index`, per channel, (1, C, 1, 1) each, on `device`.

    torch.std_mean gives the same bits, but its Welford recurrence is slower than float64 sums of pixels.
    """
    count = len(index) * source.images[0, 0].numel()
    mean, square = (sums[index].sum(0)[None, :, None, None] / count for sums in _sums(source))
    std = (square - mean.square()).clamp(min=0).sqrt()
    return mean.float().to(device), std.float().to(device)


@functools.lru_cache(maxsize=1)
def _sums(source: Source) -> tuple[Tensor, Tensor]:
    """The sums of every image's pixels and of their squares, (N, C) float64 each; computed once for all seeds."""
    sums, sums_of_squares = [], []
    for pixels in source.images.split(_CHUNK):
        values = Scale(source.white, None)(pixels).flatten(2).double()
        sums.append(values.sum(2))
        sums_of_squares.append(values.square_().sum(2))
    return torch.cat(sums), torch.cat(sums_of_squares)


def batches(train: Split, *, batch_size: int, order: torch.Generator) -> Iterator[Batch]:
    """One epoch in an order drawn from `order`, without the last batch if it is incomplete."""
    permutation = torch.randperm(len(train.labels), generator=order).to(train.labels.device)
    for start in range(0, len(permutation) - batch_size + 1, batch_size):
        yield train.take(permutation[start : start + batch_size])
