"""Means of g(z) for z ~ N(0, 1), by quadrature."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def gaussian_mean(
    g: Callable[[Tensor], Tensor], *, within: tuple[float, float] = (-math.inf, math.inf), tolerance: float = 1e-14
) -> tuple[float, float]:
    """(E g(z), error bound) for z ~ N(0, 1), by Gauss-Legendre on panels that are halved until two orders agree.

    The panels shrink around kinks and jumps, down to a width of 2^-48. The bound is ten times the summed differences
    between 20 and 10 nodes; it is inf where g grows too fast for the mean to exist. What lies outside of `within`,
    where g is not read, counts as error: as much as if g grew from there no faster than z^2.
    """
    edges = torch.arange(-20, 20.25, 0.5, dtype=torch.float64).clamp(*within).unique()
    low, high = edges[:-1], edges[1:]
    total = error = scale = 0.0
    for _ in range(48):
        fine, coarse = (_panels(g, low, high, num_nodes) for num_nodes in (20, 10))
        difference = (fine - coarse).abs()
        scale = max(scale, float(fine.abs().sum()))
        agrees = difference <= tolerance * scale  # False for nan
        total, error = total + float(fine[agrees].sum()), error + float(difference[agrees].sum())
        low, high = low[~agrees], high[~agrees]
        if len(low) == 0 or len(low) > 4096:
            break
        middle = (low + high) / 2
        low, high = torch.cat([low, middle]), torch.cat([middle, high])
    total, error = total + float(fine[~agrees].sum()), error + float(difference[~agrees].sum())
    ends = g(edges[[0, -1]]).detach().abs() * _density(edges[[0, -1]])
    is_cut = edges.abs()[[0, -1]] < 20
    error += float((ends / edges[[0, -1]].abs())[is_cut].sum())
    exists = math.isfinite(total) and bool((ends[~is_cut] <= tolerance * max(scale, 1e-300)).all())
    return total, (10 * error + 1e-15 * scale) if exists else math.inf


def _panels(g: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, num_nodes: int) -> Tensor:
    """The integral of g times the normal density over each panel, by Gauss-Legendre."""
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(num_nodes))
    half = ((high - low) / 2)[:, None]
    z = (low[:, None] + half) + half * nodes
    return (g(z).detach() * _density(z) * weights * half).sum(dim=1)


def _density(z: Tensor) -> Tensor:
    return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
