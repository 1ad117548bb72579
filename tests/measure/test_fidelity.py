"""Distances between sets of features against closed forms and naive loops."""

import pytest
import scipy.linalg
import torch

from actbench.measure.sample_quality.fidelity import frechet_distance, kernel_distance


def _draw(n: int, f: int, *, seed: int) -> torch.Tensor:
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _with_moments(x: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The points x, transformed to have exactly this mean and covariance diag(scale²)."""
    centred = x - x.mean(0)
    white = centred @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T
    return white * scale + mean


def test_frechet_distance_against_the_closed_form_for_commuting_covariances():
    """Diagonal covariances with standard deviations s and t: |Δμ|² + Σ (s − t)²."""
    mean, s, t = torch.tensor([3.0, 0.0, -4.0]).double(), torch.tensor([1.0, 2.0, 5.0]), torch.tensor([2.0, 0.5, 5.0])
    x = _with_moments(_draw(50, 3, seed=0), 0 * mean, s)
    y = _with_moments(_draw(70, 3, seed=1), mean, t)
    assert frechet_distance(x, y).item() == pytest.approx(25 + 1 + 2.25)


def test_frechet_distance_against_the_matrix_square_root():
    x, y = _draw(40, 6, seed=0) @ _draw(6, 6, seed=1), _draw(60, 6, seed=2) @ _draw(6, 6, seed=3) + 1
    a, b = x.T.cov().numpy(), y.T.cov().numpy()
    root = scipy.linalg.sqrtm(a @ b).real
    expected = (x.mean(0) - y.mean(0)).square().sum().item() + (a + b - 2 * root).trace()
    assert frechet_distance(x, y).item() == pytest.approx(expected)
    assert frechet_distance(y, x).item() == pytest.approx(expected)


def test_frechet_distance_where_a_covariance_is_singular():
    """Fewer images than features, a feature that is always 0, and copies of a single image."""
    x = _draw(5, 20, seed=0)
    x[:, 3] = 0
    assert frechet_distance(x, x).item() == pytest.approx(0, abs=1e-6)
    point = torch.ones(5, 20).double()
    assert frechet_distance(point, x).item() == pytest.approx(
        (x.mean(0) - 1).square().sum().item() + x.var(0).sum().item()
    )


def test_kernel_distance_against_a_double_loop():
    x, y = _draw(7, 4, seed=0), _draw(9, 4, seed=1) + 0.5

    def k(a, b):
        return float((a @ b / 4 + 1) ** 3)

    xx = sum(k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / (7 * 6)
    yy = sum(k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / (9 * 8)
    xy = sum(k(a, b) for a in x for b in y) / (7 * 9)
    assert kernel_distance(x, y).item() == pytest.approx(xx + yy - 2 * xy)


def test_kernel_distance_is_the_mean_over_blocks():
    x, y = _draw(8, 4, seed=0), _draw(8, 4, seed=1)
    halves = [kernel_distance(x[half], y[half]).item() for half in (slice(0, 4), slice(4, 8))]
    assert kernel_distance(x, y, block=4).item() == pytest.approx(sum(halves) / 2)
