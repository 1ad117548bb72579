"""The networks that a reader may have, each with the published comparison that speaks of it.

A further situation is a further entry of SITUATIONS.
"""

from dataclasses import dataclass

import pandas as pd

from actbench.compare.tracks import SHARED, TUNED

RATES = {SHARED: "one for all", TUNED: "tuned for each"}  # learning rates


@dataclass(frozen=True)
class Situation:
    """A network on some data, the experiment that compares activations in it, and on which track.

    `setting` is one of those in which the workloads of an experiment differ, `model.depth=8`; "" takes its only one.
    """

    network: str
    data: str
    experiment: str
    track: str = SHARED
    setting: str = ""

    @property
    def place(self) -> str:
        """`MLP on MNIST`."""
        return f"{self.network} on {self.data}"

    def rows(self, places: pd.DataFrame) -> pd.DataFrame:
        """The places in this comparison."""
        rows = places[(places["results"] == self.experiment) & (places["track"] == self.track)]
        return rows[[self.setting in ("", *setting.split(", ")) for setting in rows["setting"]]]


SITUATIONS = (
    Situation("MLP", "8×8 digits", "digits_mlp"),
    Situation("MLP", "8×8 digits", "digits_mlp", TUNED),
    Situation("MLP", "MNIST", "mnist_mlp"),
    Situation("MLP", "MNIST", "mnist_mlp", TUNED),
    Situation("deep and narrow MLP", "MNIST", "tanh_depth", setting="model.depth=8"),
    Situation("conv net without normalisation", "MNIST", "mnist_cnn"),
    Situation("conv net without normalisation", "MNIST", "mnist_cnn", TUNED),
    Situation("conv net with batch normalisation", "CIFAR-10", "cifar10_conv"),
    Situation("discriminator of a GAN", "MNIST", "mnist_gan"),
)
