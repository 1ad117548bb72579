"""Propagation: what a network at initialisation does to a signal and to a gradient; nothing is trained."""

import torch
from torch import Tensor, nn

from actbench.measure.data.splits import Batch, Split
from actbench.measure.streams import stream
from actbench.measure.trace import LayerTrace, trace

_NUM_PAIRS = 256


class Propagation:
    """Forward and backward through one untrained model, whose labels play no role.

    The gradient at the logits is v ~ N(0, 1), one for each example and output: the loss is Σ_n <v_n, logits_n>.
    Batch normalisation takes the statistics of the batch that passes, as in a training step: its running ones are not
    yet those of any data. All is in float64: what 32 layers shrink underflows in float32 when it is squared.

    Args:
        model: (N, C, H, W) -> logits (N, num_classes).
        seed: Fixes v, by the stream `cotangent`.
    """

    optimizers = ()

    def __init__(self, *, model: nn.Module, seed: int) -> None:
        self.model, self.seed = model.double(), seed

    @staticmethod
    def num_outputs(num_classes: int) -> int:
        """A logit for each class."""
        return num_classes

    def chance(self, split: Split) -> dict[str, float]:
        """Missing: the gap of a network that is not finite is unknown."""
        return {"midpoint_gap": float("nan")}

    def observe(self) -> dict[str, float]:
        """Nothing beside what is evaluated."""
        return {}

    def picture(self) -> None:
        """None: nothing is generated."""

    @torch.no_grad()
    def evaluate(self, split: Split) -> dict[str, float]:
        """`midpoint_gap` over the pairs that the first 2 × 256 examples make, see there."""
        num = min(_NUM_PAIRS, len(split.labels) // 2)
        x, y = split.first(2 * num).images.double().split(num)
        self.model.eval()
        at_x, at_y, between = self._logits(torch.cat([x, y, (x + y) / 2])).split(num)  # (num, num_classes) each
        return {"midpoint_gap": midpoint_gap(at_x, at_y, between)}

    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]:
        """A trace of every activation layer on a batch."""

        def loss() -> Tensor:
            logits = self._logits(batch.images)
            v = torch.randn(logits.shape, generator=stream(self.seed, "cotangent"), dtype=torch.float64)
            return (v.to(logits.device) * logits).sum()

        return trace(self.model, loss, weights_before=None)

    def _logits(self, images: Tensor) -> Tensor:
        """In evaluation mode but for batch normalisation."""
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.train()
        return self.model(images.double())


def midpoint_gap(at_x: Tensor, at_y: Tensor, between: Tensor) -> float:
    """max |f((x + y)/2) − (f(x) + f(y))/2| / std f over pairs and outputs: 0, but for rounding, where f is affine.

    Args:
        at_x, at_y, between: f at both ends and in the middle of each pair, (N, num_outputs).

    Returns:
        In units of the standard deviation over examples, root mean square over outputs; 0 where f is constant.
    """
    gap = (between - (at_x + at_y) / 2).abs().max()
    std = torch.cat([at_x, at_y, between]).var(0, correction=0).mean().sqrt()
    return 0.0 if gap == 0 else (gap / std).item()
