"""The loop that actbench is compared with, as PyTorch's tutorials write it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset
from torchvision import datasets, transforms

from actbench.command.job import Job
from actbench.measure import build
from actbench.measure.data.splits import indices, sizes


def _torchvision(dataset: Callable, mean: tuple, std: tuple) -> Callable[[Job], tuple[Dataset, Dataset]]:
    """Training and test set with ToTensor and Normalize, and the moments that torchvision's examples pass to it."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])

    def sets(job: Job) -> tuple[Dataset, Dataset]:
        train, test = (
            dataset(root=job.config.data.root, train=is_train, transform=transform) for is_train in (True, False)
        )
        return train, test

    return sets


def _tensors(job: Job) -> tuple[Dataset, Dataset]:
    """The stored images with mean 0 and spread 1, of which training and test examples are drawn."""
    source = build.source(job.config.data)
    images = source.images / source.white
    examples = TensorDataset((images - images.mean()) / images.std(), source.labels)
    return examples, examples


SETS: dict[str, Callable[[Job], tuple[Dataset, Dataset]]] = {
    "digits": _tensors,
    "mnist": _torchvision(datasets.MNIST, (0.1307,), (0.3081,)),
    "cifar10": _torchvision(datasets.CIFAR10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}


def loader(job: Job, seed: int, *, num_workers: int) -> DataLoader:
    """A DataLoader with shuffle, on the examples that the run trains on."""
    train, _, _ = _indices(job, seed)
    subset = Subset(SETS[job.choices["data"]](job)[0], train)
    return DataLoader(subset, batch_size=job.config.train.batch_size, shuffle=True, num_workers=num_workers)


def test_loader(job: Job, seed: int) -> DataLoader:
    """The same for the test set, in its order."""
    _, _, test = _indices(job, seed)
    held_out = SETS[job.choices["data"]](job)[1]
    is_apart = build.source(job.config.data).num_test > 0
    return DataLoader(held_out if is_apart else Subset(held_out, test), batch_size=1000)


def _indices(job: Job, seed: int) -> list[list[int]]:
    data = job.config.data
    return [index.tolist() for index in indices(build.source(data), **sizes(data), seed=seed)]


def tutorial_train(model: nn.Module, loader: DataLoader, *, epochs: int, lr: float) -> None:
    """The training loop of PyTorch's own tutorials."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    device = next(model.parameters()).device
    for _ in range(epochs):
        running_loss = 0.0
        for images, labels in loader:
            running_loss += step(model, optimizer, images.to(device), labels.to(device))


def step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
    """One update. Returns the loss."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


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
