"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), which have the same format."""

import pickle

import numpy as np
from torchvision import datasets

from actbench.measure.data import files
from actbench.measure.data.splits import Source


def load_cifar10(root: str) -> Source:
    """50,000 + 10,000 images (3, 32, 32) in 10 classes, below `root`/cifar-10-batches-py."""
    dataset = datasets.CIFAR10
    return files.read("CIFAR-10", dataset, root, folder=dataset.base_folder, parse=_parse)


def load_cifar100(root: str) -> Source:
    """50,000 + 10,000 images (3, 32, 32) in 100 classes, below `root`/cifar-100-python."""
    dataset = datasets.CIFAR100
    return files.read("CIFAR-100", dataset, root, folder=dataset.base_folder, parse=_parse)


def _parse(content: bytes) -> files.Part:
    """A pickled dictionary, known by its MD5 sum; CIFAR-100 has labels of 20 coarse classes too."""
    entries = pickle.loads(content, encoding="latin1")
    labels = entries["labels"] if "labels" in entries else entries["fine_labels"]
    return files.Part(entries["data"].reshape(-1, 3, 32, 32), np.asarray(labels))
