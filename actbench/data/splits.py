"""From a data set to tensors in memory: splits, standardisation, batches by permutation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from actbench.streams import stream_seed

_IMAGES_AT_ONCE = 500  # what stays in a processor's cache


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


class Split(NamedTuple):
    """Images (N, C, H, W) float32 and labels (N,) int64, on the run's device."""

    images: Tensor
    labels: Tensor


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

    def take(index: np.ndarray) -> Split:
        # Not source.images[index]: numpy gathers the same bytes in a sixth of the time.
        pixels = torch.from_numpy(source.images.numpy()[index]).to(device, torch.float32)
        return Split(pixels.div_(source.white), source.labels[index].to(device))

    splits = Splits(*map(take, drawn))
    if standardize:
        _standardize(splits)
    return splits


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


def _standardize(splits: Splits) -> None:
    """Give every split, in place, the training pixels' mean 0 and standard deviation 1, per channel."""
    mean, std = _moments(splits.train.images)
    for part in splits:  # in place: a second copy of a data set costs a third of the time of a short run
        part.images.sub_(mean).div_(std)


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel, (1, C, 1, 1) each, summed in float64.

    torch.std_mean gives the same bits in nine times the time (Welford's recurrence, which float64 sums of pixels do
    without).
    """
    count, sums = images[:, :1].numel(), torch.zeros(2, images.shape[1], dtype=torch.float64, device=images.device)
    for block in images.split(_IMAGES_AT_ONCE):
        pixels = block.double()
        sums += torch.stack([pixels.sum((0, 2, 3)), pixels.square_().sum((0, 2, 3))])
    mean, square = (sums / count)[:, None, :, None, None]
    return mean.float(), (square - mean.square()).clamp(min=0).sqrt().float()


def batches(train: Split, *, batch_size: int, order: torch.Generator) -> Iterator[Split]:
    """One epoch: every example at most once, in an order drawn from `order`; a last incomplete batch is left out."""
    permutation = torch.randperm(len(train.labels), generator=order).to(train.labels.device)
    for start in range(0, len(permutation) - batch_size + 1, batch_size):
        index = permutation[start : start + batch_size]
        # Not images[index]: the same bytes, but row by row in a third of the time.
        yield Split(train.images.index_select(0, index), train.labels.index_select(0, index))
