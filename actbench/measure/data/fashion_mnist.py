"""Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747)."""

from torchvision import datasets

from actbench.measure.data import files
from actbench.measure.data.splits import Source


def load(root: str) -> Source:
    """60,000 + 10,000 images (1, 28, 28) in 10 classes, below `root`/FashionMNIST/raw."""
    dataset = datasets.FashionMNIST
    return files.read("Fashion-MNIST", dataset, root, folder="FashionMNIST/raw", parse=files.parse_idx)
