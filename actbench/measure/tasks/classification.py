"""Classification by cross-entropy on the logits of one model."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actbench.measure.data.splits import Batch, Split
from actbench.measure.environment import in_float64
from actbench.measure.precision import computing
from actbench.measure.trace import LayerTrace, trace, weights

_CHUNK = 500  # examples evaluated at once: large enough to be fast, small enough for the cache


class Classification:
    """Cross-entropy on the logits of one model.

    Args:
        model: (N, C, H, W) -> logits (N, num_classes).
        optimizer: Holds the model's parameters.
        clip_grad_norm: Largest norm of the gradient; None for no clipping.
        label_smoothing: The share of each label that is spread evenly over all classes in training (Szegedy et al.
            2016, arXiv:1512.00567, section 7).
        precision: Of training and evaluation, as in `measure.precision`.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        clip_grad_norm: float | None,
        num_classes: int,
        label_smoothing: float,
        precision: str,
    ) -> None:
        self.model, self.optimizers, self.clip_grad_norm = model, (optimizer,), clip_grad_norm
        self.num_classes, self._parameters = num_classes, list(model.parameters())
        self.label_smoothing, self.precision = label_smoothing, precision

    @staticmethod
    def num_outputs(num_classes: int) -> int:
        """A logit for each class."""
        return num_classes

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Make one update and return the batch's mean loss before it, (), without label smoothing."""
        (optimizer,) = self.optimizers
        for parameter in self._parameters:  # not zero_grad, which takes 2 % of a small net's step
            parameter.grad = None
        logits = self._logits(batch.images)
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=self.label_smoothing)
        loss.backward()
        if self.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self.clip_grad_norm)
        optimizer.step()
        nll = F.cross_entropy(logits.detach(), batch.labels) if self.label_smoothing else loss.detach()
        return {"loss": nll}

    def evaluate(self, split: Split) -> dict[str, float]:
        """`loss` (mean NLL in nats), `accuracy` (a fraction) and `ece` of a split, in evaluation mode."""
        return self.test(split)[0]

    @torch.no_grad()
    def test(self, split: Split) -> tuple[dict[str, float], Tensor]:
        """The evaluation, and which of the examples are classified rightly, (N,) bool."""
        self.model.eval()
        logits = torch.cat([self._logits(batch.images) for batch in split.in_turn(_CHUNK)])  # (N, num_classes)
        self.model.train()
        right = logits.argmax(1) == split.labels
        measures = {
            "loss": F.cross_entropy(logits, split.labels).item(),
            "accuracy": right.sum().item() / len(right),
            "ece": expected_calibration_error(logits, split.labels),
        }
        return measures, right

    def chance(self, split: Split) -> dict[str, float]:
        """The measures of a uniform guess."""
        return {"loss": math.log(self.num_classes), "accuracy": 1 / self.num_classes, "ece": 0.0}

    def observe(self) -> dict[str, float]:
        """Empty: all measures of a classifier need examples."""
        return {}

    def picture(self) -> None:
        """None: a classifier makes no images."""

    def weights(self) -> dict[nn.Module, Tensor]:
        """The weights before a step, for `trace` after it."""
        return weights(self.model)

    def trace(self, batch: Batch, *, weights_before: dict[nn.Module, Tensor] | None) -> list[LayerTrace]:
        """A trace of every activation layer on a batch, in float32: L is the loss that is trained."""

        def loss() -> Tensor:
            logits = self.model(batch.images)
            return F.cross_entropy(logits, batch.labels, reduction="sum", label_smoothing=self.label_smoothing)

        return trace(self.model, loss, weights_before=weights_before)

    def _logits(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes) in float32, computed in the run's precision."""
        with computing(self.precision, images.device):
            return self.model(images).float()

    def state_dict(self) -> dict[str, Any]:
        (optimizer,) = self.optimizers
        return {"model": self.model.state_dict(), "optimizer": optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        (optimizer,) = self.optimizers
        optimizer.load_state_dict(state["optimizer"])


def expected_calibration_error(logits: Tensor, labels: Tensor, *, num_bins: int = 15) -> float:
    """ECE (Guo et al. 2017, arXiv:1706.04599, eq. 3): Σ_b n_b/N |accuracy_b − confidence_b|, bins (lower, upper]."""
    confidence, predicted = logits.softmax(1).max(1)
    gap = in_float64(predicted == labels) - in_float64(confidence)
    index = (confidence * num_bins).ceil().long().clamp(1, num_bins) - 1
    per_bin = torch.zeros(num_bins, dtype=torch.float64, device=gap.device).index_add_(0, index.to(gap.device), gap)
    return (per_bin.abs().sum() / len(labels)).item()
