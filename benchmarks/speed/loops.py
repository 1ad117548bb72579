"""The loops that actbench is compared with, as PyTorch's tutorials write them."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import datasets, transforms

from actbench.command.job import Job
from actbench.measure import build
from actbench.measure.data.splits import indices, sizes

# torchvision's class, and the mean and standard deviation that its examples pass to Normalize.
SETS: dict[str, tuple[Callable, tuple, tuple]] = {
    "mnist": (datasets.MNIST, (0.1307,), (0.3081,)),
    "cifar10": (datasets.CIFAR10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}


def loader(job: Job, seed: int, *, num_workers: int) -> DataLoader:
    """torchvision's data set, ToTensor, Normalize, DataLoader with shuffle, on the examples that the run trains on."""
    data = job.config.data
    train, _, _ = indices(build.source(data), **sizes(data), seed=seed)
    subset = Subset(_dataset(job, train=True), train.tolist())
    return DataLoader(subset, batch_size=job.config.train.batch_size, shuffle=True, num_workers=num_workers)


def test_loader(job: Job) -> DataLoader:
    """The same for the published test set, in its order."""
    return DataLoader(_dataset(job, train=False), batch_size=1000)


def _dataset(job: Job, *, train: bool) -> Dataset:
    dataset, mean, std = SETS[job.choices["data"]]
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])
    return dataset(root=job.config.data.get("root", ""), train=train, transform=transform)


def tutorial_train(model: nn.Module, loader: DataLoader, *, epochs: int, lr: float) -> None:
    """The training loop of PyTorch's own tutorials."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    device = next(model.parameters()).device
    for _ in range(epochs):
        running_loss = 0.0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()


@torch.no_grad()
def tutorial_test(model: nn.Module, loader: DataLoader) -> float:
    """The test loop of the tutorials. Returns the fraction of correct answers."""
    model.eval()
    device = next(model.parameters()).device
    correct = 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        correct += (model(images).argmax(1) == labels).sum().item()
    model.train()
    return correct / len(loader.dataset)  # type: ignore[arg-type]
