"""TODO."""

import math

import pytest
import torch

from actbench.measure.sparsity import hoyer, zeros


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1.0, -1.0, 1.0, 1.0], 0),
        ([0.0, -3.0, 0.0, 0.0], 1),
        ([1.0, 1.0, 0.0, 0.0], 2 - math.sqrt(2)),  # (√4 − 2/√2) / (√4 − 1)
    ],
)
def test_hoyer_in_closed_form(x, expected):
    assert hoyer(torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6)
    assert hoyer(1e-6 * torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6)


def test_hoyer_is_of_the_last_axis_and_missing_of_zeros():
    found = hoyer(torch.tensor([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]]))
    assert found[:2].tolist() == pytest.approx([0, 1], abs=1e-6)
    assert found[2].isnan()


def test_zeros_are_exact():
    assert zeros(torch.tensor([[0.0, -0.0], [1e-38, 1.0]])).item() == 0.5
