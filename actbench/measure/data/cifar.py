"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), which have the same format."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from actbench.measure.data import files
from actbench.measure.data.splits import Source


def load_cifar10(root: str) -> Source:
    """50,000 + 10,000 images (3, 32, 32) in 10 classes, below `root`/cifar-10-batches-py."""
    return files.read(datasets.CIFAR10, root, files=_files(datasets.CIFAR10), to_tensor=_to_tensor)


def load_cifar100(root: str) -> Source:
    """50,000 + 10,000 images (3, 32, 32) in 100 classes, below `root`/cifar-100-python."""
    return files.read(datasets.CIFAR100, root, files=_files(datasets.CIFAR100), to_tensor=_to_tensor)


def _files(dataset: type[datasets.CIFAR10]) -> dict[Path, Callable[[Path], bool]]:
    """The files that torchvision lists for the data set, each with a check of its MD5 sum."""
    md5_sums = [*dataset.train_list, *dataset.test_list, [dataset.meta["filename"], dataset.meta["md5"]]]

    def has_md5(md5: str) -> Callable[[Path], bool]:
        return lambda path: check_integrity(str(path), md5)

    return {Path(dataset.base_folder, name): has_md5(md5) for name, md5 in md5_sums}


def _to_tensor(dataset: datasets.CIFAR10) -> Tensor:
    return torch.as_tensor(dataset.data).permute(0, 3, 1, 2).contiguous()  # stored (N, H, W, C)
