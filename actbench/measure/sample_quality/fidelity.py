"""Distances of generated from real images: pure functions of two sets of features.

Features are (N, F) in float64, a row per image, computed by a score network (score.py).
"""

import torch
from torch import Tensor


def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    """Squared Fréchet distance of the Gaussians fitted to two sets (Heusel et al. 2017, arXiv:1706.08500, eq. 6).

    |μ_x − μ_y|² + tr(Σ_x + Σ_y − 2 (Σ_x Σ_y)^½), (). The trace of the root is computed as the sum of the roots of the
    eigenvalues of the symmetric Σ_x^½ Σ_y Σ_x^½, which stays real where a covariance is singular. The estimate is
    biased upwards, more so for fewer images: the floor reported beside it is its value between two sets of real images.
    """
    root = _root(x.T.cov())
    eigenvalues = torch.linalg.eigvalsh(root @ y.T.cov() @ root).clamp(min=0)
    trace = x.var(0).sum() + y.var(0).sum() - 2 * eigenvalues.sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + trace


def kernel_distance(x: Tensor, y: Tensor, *, block: int = 1000) -> Tensor:
    """KID (Bińkowski et al. 2018, arXiv:1801.01401, section 4): unbiased MMD² with k(a, b) = (aᵀb / F + 1)³, ().

    The mean over disjoint blocks of at most `block` images, as in the source, because the cost grows with the square of
    their number. An unbiased estimate may be below 0.
    """
    pairs = zip(x.split(block), y.split(block), strict=False)
    return torch.stack([_mmd2(a, b) for a, b in pairs if min(len(a), len(b)) > 1]).mean()


def _mmd2(x: Tensor, y: Tensor) -> Tensor:
    """MMD² of two sets without the pairs of an image with itself (Gretton et al. 2012, eq. 3)."""

    def within(a: Tensor) -> Tensor:
        kernel = _kernel(a, a)
        return (kernel.sum() - kernel.trace()) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    base = x @ y.T / x.shape[1] + 1
    return base * base * base  # several times faster than base**3


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
