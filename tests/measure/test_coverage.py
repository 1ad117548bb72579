"""Modes, class shares and bins against values by hand and statsmodels."""

import math

import pytest
import torch
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from actbench.measure.sample_quality.coverage import Bins, class_shares, modes, share_different, uniform_divergence


def _counts(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers).double()


def test_modes_are_classes_with_a_share_of_a_hundredth_or_more():
    predicted = torch.tensor([0] * 98 + [1] * 1 + [3] * 1)
    shares = class_shares(predicted, num_classes=4)
    assert shares.tolist() == [0.98, 0.01, 0, 0.01]
    assert modes(shares) == 3
    assert modes(class_shares(torch.tensor([0] * 199 + [2]), num_classes=4)) == 1


def test_the_divergence_from_uniform_equals_the_closed_form():
    assert uniform_divergence(torch.full((10,), 0.1, dtype=torch.float64)) == pytest.approx(0, abs=1e-12)
    assert uniform_divergence(torch.tensor([1.0, 0, 0, 0]).double()) == pytest.approx(math.log(4))
    assert uniform_divergence(torch.tensor([0.5, 0.5, 0, 0]).double()) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("real", "generated", "share"),
    [
        (_counts(50, 50, 100), _counts(50, 50, 100), 0),
        (_counts(50, 50, 100), _counts(25, 25, 50), 0),
        (_counts(100, 100, 0, 0), _counts(0, 0, 100, 100), 1),
        (_counts(100, 100, 100, 100), _counts(100, 100, 200, 0), 0.5),
        (_counts(100, 0), _counts(50, 0), 0),
    ],
)
def test_the_share_different_equals_one_by_hand(real, generated, share):
    assert share_different(real, generated) == share


def test_the_share_different_agrees_with_statsmodels():
    """With counts near the threshold, of which Holm rejects some but not all."""
    real = _counts(120, 80, 100, 60, 140, 100, 90, 110)
    generated = _counts(60, 46, 30, 45, 70, 22, 40, 87)
    n, m = int(real.sum()), int(generated.sum())
    p = [proportions_ztest([a, b], [n, m])[1] for a, b in zip(real.tolist(), generated.tolist(), strict=True)]
    rejected = multipletests(p, method="holm")[0]
    assert 0 < rejected.sum() < len(p)
    assert share_different(real, generated) == rejected.mean()


def test_images_of_one_cluster_miss_the_bin_of_the_other():
    """Two clusters of 60 training images each."""
    noise = 0.01 * torch.randn(120, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    images = noise + torch.tensor([-1.0, 1.0]).repeat(60)[:, None, None, None]
    bins = Bins.fit(images, seed=0)
    assert bins.counts.tolist() == [60, 60]
    assert bins.share_different(images.flip(0)) == 0
    assert bins.share_different(images[::2]) == 1


def test_there_is_a_bin_for_every_fifty_images_and_the_seed_fixes_them():
    images = torch.randn(300, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    first, second = Bins.fit(images, seed=1), Bins.fit(images, seed=1)
    assert len(first.counts) == 6
    assert torch.equal(first.centres, second.centres)
    assert len(Bins.fit(images[:40], seed=0).counts) == 2
