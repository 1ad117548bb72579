"""Parts of a tensor are the tensor, and what is counted in parts is what is counted at once."""

import pytest
import torch

from actbench.measure import sparsity
from actbench.measure.sparsity import in_cache, zeros


@pytest.mark.parametrize("at_once", [1, 8, 20, 1000])
def test_parts_are_the_whole(at_once, monkeypatch):
    monkeypatch.setattr(sparsity, "ENTRIES_AT_ONCE", at_once)
    x = torch.randn(7, 3, 2, generator=torch.Generator().manual_seed(0)).relu()
    parts = in_cache(x)
    assert torch.equal(torch.cat(parts), x)
    assert len(parts) == {1: 7, 8: 7, 20: 3, 1000: 1}[at_once]
    assert zeros(x).item() == pytest.approx((x == 0).double().mean().item(), abs=1e-7)


def test_parts_that_are_not_the_cpus_are_as_large_as_can_be_counted():
    x = torch.empty(40, 2**20, device="meta")
    assert [len(part) for part in in_cache(x)] == [16, 16, 8]


def test_so_many_ones_are_counted_exactly_and_one_more_is_not():
    ones = torch.ones((), dtype=torch.float32) * sparsity.COUNTABLE
    assert ones - 1 + 1 == sparsity.COUNTABLE
    assert ones + 1 == sparsity.COUNTABLE
