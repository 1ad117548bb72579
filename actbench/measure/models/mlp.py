"""The multi-layer perceptron."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block, GatedBlock
from actbench.measure.trace import Activation


class MLP(nn.Module):
    """`depth` hidden layers of `width` units, then a linear layer: (N, C, H, W) -> (N, num_outputs).

    With `depth` 0 it is a linear map, and trained by cross-entropy it is softmax regression. With `gate` the hidden
    layers are gated; they are narrower, so that the network has as many parameters as without gates, or the nearest
    number to it.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        depth: int,
        width: int,
        gate: bool,
        act: Callable[[int], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = {"num_inputs": math.prod(input_shape), "num_outputs": num_outputs, "depth": depth}
        block = GatedBlock if gate else Block
        width = gated_width(width, **sizes) if gate else width
        widths = [math.prod(input_shape)] + depth * [width]
        self.hidden = nn.Sequential(
            *(
                block(
                    nn.Linear(fan_in, block.per_unit * units), act=act, norm=norm, dropout=dropout, generator=generator
                )
                for fan_in, units in pairwise(widths)
            )
        )
        self.output = nn.Linear(widths[-1], num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.hidden(images.flatten(1)))  # (N, C H W) -> (N, widths[-1]) -> (N, num_outputs)


def gated_width(width: int, *, num_inputs: int, num_outputs: int, depth: int) -> int:
    """The width at which an MLP with gates has the number of parameters nearest to one of `width` without."""

    def num_parameters(units: int, *, per_unit: int) -> int:
        widths = [num_inputs] + depth * [units]
        hidden = sum(per_unit * (fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        return hidden + (widths[-1] + 1) * num_outputs

    target = num_parameters(width, per_unit=1)
    return min(range(1, width + 1), key=lambda units: abs(num_parameters(units, per_unit=2) - target))
