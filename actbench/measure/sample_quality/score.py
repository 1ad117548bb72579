"""The score network: a LeNet trained once per data set by a fixed recipe. Its features and classes rate images.

It is cached in ~/.cache/actbench/score/<hash of recipe and data>.npz; trained again, it is bitwise the same.
"""

import functools
import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from actbench.measure.data.splits import Batch, Scale, Source, Split, batches, indices
from actbench.measure.models.init import initialize, torch_default
from actbench.measure.streams import PROTOCOL, stream
from actbench.tables.atomic import temporary

FOLDER = Path("~/.cache/actbench/score")
RECIPE = {"version": 1, "seed": 0, "steps": 1500, "batch_size": 64, "lr": 1e-3, "held_out": 6}
_CHUNK = 1000


class LeNet(nn.Module):
    """LeNet-5 (LeCun et al. 1998, section II.B) with ReLU, max pooling and padding, so that small images fit.

    (N, C, H, W), pixels in [-1, 1] -> logits (N, num_classes) and features (N, 84).
    """

    def __init__(self, *, input_shape: torch.Size, num_classes: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        self.maps = nn.Sequential(
            nn.Conv2d(channels, 6, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        flat = 16 * (height // 4) * (width // 4)
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(flat, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU())
        self.output = nn.Linear(84, num_classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(self.maps(images))
        return self.output(features), features


class Predictions(NamedTuple):
    """Features (N, 84) in float64 and predicted classes (N,) of images.

    Features are divided by their RMS on held-out real images, so that distances do not depend on the scale that the
    network happened to learn.
    """

    features: Tensor
    predicted: Tensor


class ScoreNetwork:
    """A trained LeNet.

    Attributes:
        accuracy: On the held-out sixth of the data set's training images.
        scale: RMS of its features on these images.
    """

    def __init__(self, model: LeNet, *, accuracy: float = math.nan, scale: float = 1.0) -> None:
        self.model, self.accuracy, self.scale = model.eval().requires_grad_(False), accuracy, scale

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Predictions:
        """Features and classes of images (N, C, H, W) with pixels in [-1, 1]."""
        logits, features = map(torch.cat, zip(*(self.model(chunk) for chunk in images.split(_CHUNK)), strict=True))
        return Predictions(features.double() / self.scale, logits.argmax(1))


def score_network(source: Source, *, device: torch.device) -> ScoreNetwork:
    """The data set's score network, from the cache; if it is not there, train it in seconds and print its accuracy."""
    path = FOLDER.expanduser() / f"{_cache_key(source)}.npz"
    model = LeNet(input_shape=source.images.shape[1:], num_classes=int(source.labels.max()) + 1)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        statistics = {name: float(arrays.pop(name)) for name in ("accuracy", "scale")}
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, BadZipFile):  # missing or damaged
        statistics = _train(model, source)
        _save(path, model, statistics)
        tqdm.write(f"Score network: LeNet, accuracy {statistics['accuracy']:.4f} on held-out images, kept in {path}")
    return ScoreNetwork(model.to(device), **statistics)


@functools.lru_cache(maxsize=1)
def _cache_key(source: Source) -> str:
    """A hash of the recipe, of PROTOCOL, from which its streams are derived, and of every image and label."""
    digest = hashlib.sha256(json.dumps(RECIPE | {"protocol": PROTOCOL}, sort_keys=True).encode())
    for tensor in (source.images, source.labels):
        digest.update(repr((tuple(tensor.shape), source.num_test, source.white)).encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def _train(model: LeNet, source: Source) -> dict[str, float]:
    """Train with Adam on five sixths of the training images, never the published test set.

    Returns:
        Accuracy and RMS of the features on the remaining sixth.
    """
    seed, num_stored = int(RECIPE["seed"]), len(source.labels) - source.num_test
    num_held_out = num_stored // int(RECIPE["held_out"])
    train_rows, held_out_rows, _ = indices(source, num_val=num_held_out, num_test=None, num_train=None, seed=seed)
    half = torch.full((1, 1, 1, 1), 0.5)
    scale = Scale(source.white, (half, half))  # to [-1, 1]
    train, held_out = (
        Split(source.images, rows, source.labels[rows], scale)
        for rows in map(torch.from_numpy, (train_rows, held_out_rows))
    )
    initialize(model, torch_default, generator=stream(seed, "init"), gain=lambda: 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=RECIPE["lr"], fused=True)
    endless_batches = _endless_batches(train, order=stream(seed, "order"))
    with _one_thread():
        for _, batch in zip(range(int(RECIPE["steps"])), endless_batches, strict=False):
            optimizer.zero_grad()
            F.cross_entropy(model(batch.images)[0], batch.labels).backward()
            optimizer.step()
        features, predicted = ScoreNetwork(model)(held_out.examples().images)
    return {
        "accuracy": (predicted == held_out.labels).double().mean().item(),
        "scale": features.square().mean().sqrt().item(),
    }


def _endless_batches(train: Split, *, order: torch.Generator) -> Iterator[Batch]:
    while True:
        yield from batches(train, batch_size=int(RECIPE["batch_size"]), order=order)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread, so that sums have the same order whatever `threads` is."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def _save(path: Path, model: LeNet, statistics: dict[str, float]) -> None:
    """Write a hidden file and move it into place: workers that train at the same time write the same numbers."""
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    with temporary(path) as hidden:
        with hidden.open("wb") as file:
            np.savez(file, **arrays, **{name: np.float64(number) for name, number in statistics.items()})  # type: ignore[arg-type]
        os.replace(hidden, path)
