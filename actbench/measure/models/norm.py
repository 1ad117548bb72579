"""Normalisation of pre-activations, between a weight layer and its activation.

Each factory takes the number of units or channels and of positional axes: 0 for (N, U), 2 for (N, C, H, W).
"""

from torch import nn


def none(num_units: int, *, spatial: int) -> nn.Module:
    """No normalisation."""
    return nn.Identity()


def batch(num_units: int, *, spatial: int) -> nn.Module:
    """Batch normalisation per unit or channel."""
    return nn.BatchNorm2d(num_units) if spatial else nn.BatchNorm1d(num_units)


def layer(num_units: int, *, spatial: int) -> nn.Module:
    """Layer normalisation per example; of images over (C, H, W), with one scale and shift per channel."""
    return nn.GroupNorm(1, num_units) if spatial else nn.LayerNorm(num_units)
