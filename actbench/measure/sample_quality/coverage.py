"""Which parts of the real distribution generated images reach: classes, and bins of the training images."""

import functools
import math
from dataclasses import dataclass

import torch
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController
from torch import Tensor

_IMAGES_PER_BIN = 50  # so that the share of each bin is known to about a seventh of itself
_BINS = 50
_BINNED = 10_000  # training images at most: more move no centre to speak of and cost seconds
ALPHA = 0.05


def class_shares(predicted: Tensor, *, num_classes: int) -> Tensor:
    """The share of each class among predictions (N,), (num_classes,) in float64."""
    return predicted.bincount(minlength=num_classes).double() / len(predicted)


def modes(shares: Tensor) -> int:
    """The number of classes with a share of 1 % or more."""
    return int((shares >= 0.01).sum())


def uniform_divergence(shares: Tensor) -> float:
    """KL(shares ‖ uniform) = ln K − H(shares) in nats: 0 for all classes alike, ln K for a single one."""
    return float(math.log(len(shares)) - torch.special.entr(shares).sum())


@dataclass(frozen=True)
class Bins:
    """K-means bins of training images, for NDB: the number of statistically different bins.

    Attributes:
        centres: (K, C H W).
        counts: The training images in each bin, (K,).
    """

    centres: Tensor
    counts: Tensor

    @classmethod
    def fit(cls, images: Tensor, *, seed: int) -> "Bins":
        """A bin for every 50 training images (N, C, H, W), 50 bins at most, from the first 10,000 of them."""
        images = images[:_BINNED]
        num_bins = min(max(len(images) // _IMAGES_PER_BIN, 2), _BINS)
        means = KMeans(num_bins, n_init=1, random_state=seed)
        with _threads().limit(limits=1):  # several add up in no fixed order
            means.fit(images.flatten(1).cpu().numpy())
        centres = torch.from_numpy(means.cluster_centers_).to(images)
        return cls(centres, cls(centres, centres[:0]).count(images))

    def count(self, images: Tensor) -> Tensor:
        """The images nearest to each centre, (K,)."""
        nearest = torch.cdist(images.flatten(1), self.centres).argmin(1)
        return nearest.bincount(minlength=len(self.centres))

    def different(self, images: Tensor) -> float:
        """NDB/K of generated images: see `different_bins`."""
        return different_bins(self.counts.cpu().double(), self.count(images).cpu().double())


def different_bins(real: Tensor, generated: Tensor) -> float:
    """NDB/K (Richardson & Weiss 2018, arXiv:1805.12462, section 3): the share of bins that differ, from counts (K,).

    A bin differs where the two-sided z-test of two proportions with pooled variance has p < .05, here after Holm,
    so that two samples of one distribution differ in no bin 19 times of 20.
    """
    n, m = real.sum(), generated.sum()
    pooled = (real + generated) / (n + m)
    error = (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
    # A bin that is empty in both, or holds everything in both, is the same in both.
    z = torch.where(error > 0, (real / n - generated / m) / error, 0.0)
    p = torch.special.erfc(z.abs() / math.sqrt(2))
    return _rejected(p) / len(p)


def _rejected(p: Tensor) -> int:
    """How many Holm (1979) rejects: the smallest p, one after another, while p_(i) ≤ α / (K − i), i = 0, 1, ….

    By hand, as statsmodels collects all garbage at each call, which takes longer than an epoch.
    """
    kept = p.sort().values > ALPHA / torch.arange(len(p), 0, -1)
    return int((kept.cumsum(0) == 0).sum())


@functools.cache
def _threads() -> ThreadpoolController:
    """Made once, as it looks through every library that is loaded."""
    return ThreadpoolController()
