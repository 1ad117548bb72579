"""Augmentation of a training batch (N, C, H, W) on its device, drawn from its own generator."""

import torch
import torch.nn.functional as F
from torch import Tensor


def none(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """No augmentation."""
    return images


def crop_flip(images: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `padding` pixels along each axis, zeros outside, and mirror it with probability 1/2."""
    return _cropped_flipped(F.pad(images, (padding,) * 4), images.shape, generator=generator)


def reflect_crop_flip(images: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """As `crop_flip`, with the image's own reflection outside."""
    return _cropped_flipped(F.pad(images, (padding,) * 4, mode="reflect"), images.shape, generator=generator)


def _cropped_flipped(padded: Tensor, shape: torch.Size, *, generator: torch.Generator) -> Tensor:
    """A random crop of `shape` from each padded image, mirrored with probability 1/2."""
    n, c, h, w = shape
    num_shifts = padded.shape[2] - h + 1
    draws = torch.rand(3, n, 1, generator=generator).to(padded.device)
    top, left = (num_shifts * draws[:2]).long()  # (N, 1) each
    rows = top + torch.arange(h, device=padded.device)  # (N, H)
    columns = left + torch.arange(w, device=padded.device)  # (N, W)
    columns = torch.where(draws[2] < 0.5, columns.flip(1), columns)
    example = torch.arange(n, device=padded.device)[:, None, None, None]
    channel = torch.arange(c, device=padded.device)[:, None, None]
    return padded[example, channel, rows[:, None, :, None], columns[:, None, None, :]]  # (N, C, H, W)
