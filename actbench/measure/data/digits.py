"""scikit-learn's handwritten digits: real images that come with the package, without a download."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from actbench.measure.data.splits import Source


def load() -> Source:
    """1,797 images (1, 8, 8) in 10 classes: the test set of the UCI Optical Recognition of Handwritten Digits.

    The file is read as sklearn.datasets.load_digits does, without the second that the import of scikit-learn takes.
    """
    (package,) = find_spec("sklearn").submodule_search_locations  # type: ignore[union-attr, misc]
    with gzip.open(Path(package) / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        rows = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.int64))
    return Source(rows[:, :-1].to(torch.uint8).unflatten(1, (1, 8, 8)), rows[:, -1].contiguous(), num_test=0, white=16)
