"""MNIST (LeCun et al. 1998)."""

from torchvision import datasets

from actbench.measure.data import files
from actbench.measure.data.splits import Source


def load(root: str) -> Source:
    """60,000 + 10,000 images (1, 28, 28) in 10 classes, below `root`/MNIST/raw."""
    return files.read("MNIST", datasets.MNIST, root, folder="MNIST/raw", parse=files.parse_idx)
