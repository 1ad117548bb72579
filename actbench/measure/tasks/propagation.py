"""Propagation of a signal and a gradient through a network at initialisation; nothing is trained."""

import torch
from torch import Tensor, nn

from actbench.measure.data.splits import Batch, Split
from actbench.measure.streams import stream
from actbench.measure.trace import LayerTrace, trace

_NUM_PAIRS = 256


class Propagation:
    """One forward and one backward pass through an untrained model; labels are not used.

    The gradient at the logits is v ~ N(0, 1), drawn for each example and output: the loss is Σ_n <v_n, logits_n>.
    Batch normalisation uses the statistics of the batch, as in a training step, because its running statistics have
    seen no data. All is in float64: behind 32 layers a signal can be so small that its square underflows float32.

    Args:
        model: (N, C, H, W) -> logits (N, num_classes).
        seed: Fixes v, drawn from the stream `cotangent`.
    """

    optimizers = ()

    def __init__(self, *, model: nn.Module, seed: int) -> None:
        self.model, self.seed = model.double(), seed

    @staticmethod
    def num_outputs(num_classes: int) -> int:
        """A logit for each class."""
        return num_classes

    def chance(self, split: Split) -> dict[str, float]:
        """Missing: a network whose outputs are not finite has no gap."""
        return {"midpoint_gap": float("nan")}

    def observe(self) -> dict[str, float]:
        """Empty: all measures are in the evaluation."""
        return {}

    def picture(self) -> None:
        """None: it makes no images."""

    @torch.no_grad()
    def evaluate(self, split: Split) -> dict[str, float]:
        """`midpoint_gap` over up to 256 pairs of the first examples."""
        num_pairs = min(_NUM_PAIRS, len(split.labels) // 2)
        x, y = split.first(2 * num_pairs).images.double().split(num_pairs)
        self.model.eval()
        at_x, at_y, at_midpoint = self._logits(torch.cat([x, y, (x + y) / 2])).split(num_pairs)  # (N, num_classes) each
        return {"midpoint_gap": midpoint_gap(at_x, at_y, at_midpoint)}

    def test(self, split: Split) -> tuple[dict[str, float], None]:
        """The evaluation: nothing is classified."""
        return self.evaluate(split), None

    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]:
        """A trace of every activation layer on a batch."""

        def loss() -> Tensor:
            logits = self._logits(batch.images)
            v = torch.randn(logits.shape, generator=stream(self.seed, "cotangent"), dtype=torch.float64)
            return (v.to(logits.device) * logits).sum()

        return trace(self.model, loss, weights_before=None)

    def _logits(self, images: Tensor) -> Tensor:
        """Logits, with batch normalisation in training mode."""
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.train()
        return self.model(images.double())


def midpoint_gap(at_x: Tensor, at_y: Tensor, at_midpoint: Tensor) -> float:
    """max |f((x + y)/2) − (f(x) + f(y))/2| / std f over pairs and outputs: 0, up to rounding, where f is affine.

    std f is the standard deviation over examples, as root mean square over outputs. Where f is constant the gap is 0.

    Args:
        at_x, at_y, at_midpoint: f at both ends and at the midpoint of each pair, (N, num_outputs).
    """
    gap = (at_midpoint - (at_x + at_y) / 2).abs().max()
    std = torch.cat([at_x, at_y, at_midpoint]).var(0, correction=0).mean().sqrt()
    return 0.0 if gap == 0 else (gap / std).item()
