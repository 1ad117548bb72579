"""scikit-learn's handwritten digits: real images that come with the package, without a download."""

import torch
from sklearn.datasets import load_digits

from actbench.measure.data.splits import Source


def load() -> Source:
    """1,797 images (1, 8, 8) in 10 classes: the test set of the UCI Optical Recognition of Handwritten Digits."""
    digits = load_digits()
    images = torch.as_tensor(digits.images).to(torch.uint8).unsqueeze(1)
    return Source(images, torch.as_tensor(digits.target).long(), num_test=0, white=16)
