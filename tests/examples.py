"""Three fifths of the digits in random order, for models that need examples and are not trained."""

import torch

from actbench.measure.data import digits
from actbench.measure.data.splits import Scale, Split

_SOURCE = digits.load()
_ROWS = torch.randperm(len(_SOURCE.labels), generator=torch.Generator().manual_seed(0))[:1080]
_PIXELS = _SOURCE.images[_ROWS] / _SOURCE.white
_MOMENTS = _PIXELS.mean().view(1, 1, 1, 1), _PIXELS.std().view(1, 1, 1, 1)
DIGITS = Split(_SOURCE.images, _ROWS, _SOURCE.labels[_ROWS], Scale(_SOURCE.white, _MOMENTS))
