"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), which share their format."""

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
    """The files that torchvision lists for the set, each with its MD5 sum."""
    listed = [*dataset.train_list, *dataset.test_list, [dataset.meta["filename"], dataset.meta["md5"]]]

    def whole(md5: str) -> Callable[[Path], bool]:
        return lambda path: check_integrity(str(path), md5)

    return {Path(dataset.base_folder, name): whole(md5) for name, md5 in listed}


def _to_tensor(part: datasets.CIFAR10) -> Tensor:
    return torch.as_tensor(part.data).permute(0, 3, 1, 2).contiguous()  # stored (N, H, W, C)
