"""Sparsity: Hoyer's measure in closed form; counts over chunks equal counts of the whole tensor."""

import math

import pytest
import torch

from actbench.measure import sparsity
from actbench.measure.sparsity import chunks, hoyer, zero_share


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1.0, -1.0, 1.0, 1.0], 0),
        ([0.0, -3.0, 0.0, 0.0], 1),
        ([1.0, 1.0, 0.0, 0.0], 2 - math.sqrt(2)),  # (√4 − 2/√2) / (√4 − 1)
    ],
)
def test_hoyer_equals_the_closed_form(x, expected):
    assert hoyer(torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6)
    assert hoyer(1e-6 * torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6)


def test_hoyer_is_of_the_last_axis_and_missing_where_all_are_zero():
    sparsities = hoyer(torch.tensor([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]]))
    assert sparsities[:2].tolist() == pytest.approx([0, 1], abs=1e-6)
    assert sparsities[2].isnan()


def test_only_exact_zeros_count():
    assert zero_share(torch.tensor([[0.0, -0.0], [1e-38, 1.0]])).item() == 0.5


@pytest.mark.parametrize("num_entries", [1, 8, 20, 1000])
def test_chunks_make_up_the_tensor_and_its_count(num_entries, monkeypatch):
    monkeypatch.setattr(sparsity, "CHUNK_ENTRIES", num_entries)
    x = torch.randn(7, 3, 2, generator=torch.Generator().manual_seed(0)).relu()
    split = chunks(x)
    assert torch.equal(torch.cat(split), x)
    assert len(split) == {1: 7, 8: 7, 20: 3, 1000: 1}[num_entries]
    assert zero_share(x).item() == pytest.approx((x == 0).double().mean().item(), abs=1e-7)


def test_chunks_on_a_gpu_are_as_large_as_float32_can_count():
    x = torch.empty(40, 2**20, device="meta")
    assert [len(chunk) for chunk in chunks(x)] == [16, 16, 8]


def test_float32_counts_ones_exactly_up_to_the_limit():
    ones = torch.ones((), dtype=torch.float32) * sparsity.EXACT_COUNT
    assert ones - 1 + 1 == sparsity.EXACT_COUNT
    assert ones + 1 == sparsity.EXACT_COUNT
