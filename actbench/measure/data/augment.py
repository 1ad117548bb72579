"""Augmentation of a training batch (N, C, H, W) on its device, drawn from its own generator."""

import torch
from torch import Tensor


def none(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """No augmentation."""
    return images


def crop_flip(images: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `padding` pixels along each axis, zeros outside, and mirror it with probability 1/2."""
    n, c, h, w = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    draws = torch.rand(3, n, 1, generator=generator).to(images.device)
    top, left = ((2 * padding + 1) * draws[:2]).long()  # (N, 1) each
    rows = top + torch.arange(h, device=images.device)  # (N, H)
    columns = left + torch.arange(w, device=images.device)  # (N, W)
    columns = torch.where(draws[2] < 0.5, columns.flip(1), columns)
    example = torch.arange(n, device=images.device)[:, None, None, None]
    channel = torch.arange(c, device=images.device)[:, None, None]
    return padded[example, channel, rows[:, None, :, None], columns[:, None, None, :]]  # (N, C, H, W)
