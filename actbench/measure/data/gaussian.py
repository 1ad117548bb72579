"""Gaussian noise: inputs with a known distribution, for measurements at initialisation."""

from collections.abc import Sequence

import torch

from actbench.measure.data.splits import Source
from actbench.measure.streams import stream


def load(*, shape: Sequence[int], num_images: int, num_classes: int, mean: float, std: float) -> Source:
    """`num_images` images of `shape` (C, H, W), every pixel N(mean, std²); all means and stds share the same draws.

    The classes have equal sizes and are independent of the images.

    Raises:
        ValueError: If `shape` is not (C, H, W).
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"data.shape={list(shape)} must be channels, height and width, 1 or more each.")
    normal = torch.randn(num_images, *shape, generator=stream(0, "images"))
    return Source(mean + std * normal, torch.arange(num_images) % num_classes, num_test=0, white=1)
