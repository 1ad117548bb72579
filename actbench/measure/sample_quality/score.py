"""The score network: a LeNet, trained once per data set by a fixed recipe, whose features and classes judge images.

It is kept in ~/.cache/actbench/score/<hash of recipe and data>.npz and made again, the same, where it is not there.
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
from actbench.measure.streams import stream
from actbench.tables.atomic import beside

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


class Scored(NamedTuple):
    """Features (N, 84) in float64 and predicted classes (N,) of images.

    Features are divided by their RMS on real images that the network was not trained on, so that distances do not
    depend on the scale that it happened to learn.
    """

    features: Tensor
    predicted: Tensor


class ScoreNetwork:
    """A trained LeNet.

    Attributes:
        accuracy: On the sixth of the data set's training images that it was not trained on.
        scale: RMS of its features on these.
    """

    def __init__(self, model: LeNet, *, accuracy: float = math.nan, scale: float = 1.0) -> None:
        self.model, self.accuracy, self.scale = model.eval().requires_grad_(False), accuracy, scale

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Scored:
        """Features and classes of images (N, C, H, W) with pixels in [-1, 1]."""
        logits, features = map(torch.cat, zip(*(self.model(part) for part in images.split(_CHUNK)), strict=True))
        return Scored(features.double() / self.scale, logits.argmax(1))


def score_network(source: Source, *, device: torch.device) -> ScoreNetwork:
    """The data set's score network, from the cache or trained now, which takes seconds and prints its accuracy."""
    path = FOLDER.expanduser() / f"{_identity(source)}.npz"
    model = LeNet(input_shape=source.images.shape[1:], num_classes=int(source.labels.max()) + 1)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = dict(kept)
        known = {name: float(arrays.pop(name)) for name in ("accuracy", "scale")}
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, BadZipFile):  # not there, or not whole
        known = _train(model, source)
        _keep(path, model, known)
        tqdm.write(f"Score network: LeNet, accuracy {known['accuracy']:.4f} on held-out images, kept in {path}")
    return ScoreNetwork(model.to(device), **known)


@functools.lru_cache(maxsize=1)
def _identity(source: Source) -> str:
    """A hash of the recipe and of every image and label."""
    digest = hashlib.sha256(json.dumps(RECIPE, sort_keys=True).encode())
    for tensor in (source.images, source.labels):
        digest.update(repr((tuple(tensor.shape), source.num_test, source.white)).encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def _train(model: LeNet, source: Source) -> dict[str, float]:
    """Train with Adam on five sixths of the training images (never the published test set); what the rest says."""
    seed, num_stored = int(RECIPE["seed"]), len(source.labels) - source.num_test
    num_held_out = num_stored // int(RECIPE["held_out"])
    drawn = indices(source, num_val=num_held_out, num_test=None, num_train=None, seed=seed)
    half = torch.full((1, 1, 1, 1), 0.5)
    scale = Scale(source.white, (half, half))  # to [-1, 1]
    kept, held_out = (
        Split(source.images, index, source.labels[index], scale) for index in map(torch.from_numpy, drawn[:2])
    )
    initialize(model, torch_default, generator=stream(seed, "init"), gain=lambda: 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=RECIPE["lr"], fused=True)
    order = _endless(kept, order=stream(seed, "order"))
    with _one_thread():
        for _, batch in zip(range(int(RECIPE["steps"])), order, strict=False):
            optimizer.zero_grad()
            F.cross_entropy(model(batch.images)[0], batch.labels).backward()
            optimizer.step()
        features, predicted = ScoreNetwork(model)(held_out.whole().images)
    return {
        "accuracy": (predicted == held_out.labels).double().mean().item(),
        "scale": features.square().mean().sqrt().item(),
    }


def _endless(train: Split, *, order: torch.Generator) -> Iterator[Batch]:
    while True:
        yield from batches(train, batch_size=int(RECIPE["batch_size"]), order=order)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The same sums in the same order, whatever `threads` says."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep(path: Path, model: LeNet, known: dict[str, float]) -> None:
    """Write beside its place and move there: workers that train at once write the same numbers, and one stays."""
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    with beside(path) as hidden:
        with hidden.open("wb") as file:
            np.savez(file, **arrays, **{name: np.float64(number) for name, number in known.items()})  # type: ignore[arg-type]
        os.replace(hidden, path)
