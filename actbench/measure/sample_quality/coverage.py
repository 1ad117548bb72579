"""Coverage of the real distribution by generated images: of its classes, and of bins of the training images."""

import functools
import math
from dataclasses import dataclass

import torch
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController
from torch import Tensor

from actbench.measure.environment import in_float64

_IMAGES_PER_BIN = 50  # so that the share of a bin has a relative error of about 1/7
_MAX_BINS = 50
_MAX_IMAGES = 10_000  # training images: more hardly move the centres, and cost seconds
ALPHA = 0.05


def class_shares(predicted: Tensor, *, num_classes: int) -> Tensor:
    """The share of each class among the predictions (N,): (num_classes,) in float64."""
    return in_float64(predicted.bincount(minlength=num_classes)) / len(predicted)


def modes(shares: Tensor) -> int:
    """The number of classes with a share of 1 % or more."""
    return int((shares >= 0.01).sum())


def uniform_divergence(shares: Tensor) -> float:
    """KL(shares ‖ uniform) = ln K − H(shares) in nats: 0 if all classes have equal shares, ln K for a single class."""
    return float(math.log(len(shares)) - torch.special.entr(shares).sum())


@dataclass(frozen=True)
class Bins:
    """K-means bins of training images, for NDB: the number of statistically different bins.

    Attributes:
        centres: (K, C H W).
        counts: Number of training images in each bin, (K,).
    """

    centres: Tensor
    counts: Tensor

    @classmethod
    def fit(cls, images: Tensor, *, seed: int) -> "Bins":
        """Fit a bin for every 50 training images (N, C, H, W), at most 50 bins, to at most 10,000 images."""
        images = images[:_MAX_IMAGES]
        num_bins = min(max(len(images) // _IMAGES_PER_BIN, 2), _MAX_BINS)
        kmeans = KMeans(num_bins, n_init=1, random_state=seed)
        with _threads().limit(limits=1):  # the order of sums over several threads is not fixed
            kmeans.fit(images.flatten(1).cpu().numpy())
        centres = torch.from_numpy(kmeans.cluster_centers_).to(images)
        return cls(centres, cls(centres, centres[:0]).count(images))

    def count(self, images: Tensor) -> Tensor:
        """The number of images nearest to each centre, (K,)."""
        nearest = torch.cdist(images.flatten(1), self.centres).argmin(1)
        return nearest.bincount(minlength=len(self.centres))

    def share_different(self, images: Tensor) -> float:
        """NDB/K of generated images: see the function `share_different`."""
        return share_different(self.counts.cpu().double(), self.count(images).cpu().double())


def share_different(real: Tensor, generated: Tensor) -> float:
    """NDB/K (Richardson & Weiss 2018, arXiv:1805.12462, section 3): the share of bins that differ, from counts (K,).

    A bin differs if the two-sided z-test of two proportions with pooled variance has p < .05, here after Holm's
    correction, so that 19 of 20 pairs of samples from one distribution differ in no bin.
    """
    n, m = real.sum(), generated.sum()
    pooled = (real + generated) / (n + m)
    error = (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
    # A bin that is empty in both samples, or holds all of both, does not differ.
    z = torch.where(error > 0, (real / n - generated / m) / error, 0.0)
    p = torch.special.erfc(z.abs() / math.sqrt(2))
    return _num_rejected(p) / len(p)


def _num_rejected(p: Tensor) -> int:
    """The number of hypotheses that Holm (1979) rejects: in ascending order while p_(i) ≤ α / (K − i), i = 0, 1, ….

    Not by statsmodels, whose garbage collection at each call takes longer than an epoch.
    """
    is_retained = p.sort().values > ALPHA / torch.arange(len(p), 0, -1)
    return int((is_retained.cumsum(0) == 0).sum())


@functools.cache
def _threads() -> ThreadpoolController:
    """Cached, because it inspects every loaded library."""
    return ThreadpoolController()
