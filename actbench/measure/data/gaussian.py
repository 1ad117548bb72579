"""Gaussian noise: inputs of a known distribution, for what a network does at initialisation."""

from collections.abc import Sequence

import torch

from actbench.measure.data.splits import Source
from actbench.measure.streams import stream


def load(*, shape: Sequence[int], num_images: int, num_classes: int, mean: float, std: float) -> Source:
    """`num_images` images (C, H, W) = `shape`, every pixel N(mean, std²), from the same draws at any mean and std.

    The classes are equally large and say nothing of the images.

    Raises:
        ValueError: If `shape` is no (C, H, W).
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"data.shape={list(shape)} must be channels, height and width, 1 or more each.")
    normal = torch.randn(num_images, *shape, generator=stream(0, "images"))
    return Source(mean + std * normal, torch.arange(num_images) % num_classes, num_test=0, white=1)
