"""The multi-layer perceptron."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block
from actbench.measure.trace import Activation


class MLP(nn.Module):
    """`depth` hidden layers of `width` units, then a linear layer: (N, C, H, W) -> (N, num_outputs).

    With `depth` 0 it is a linear map, and trained by cross-entropy it is softmax regression.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        depth: int,
        width: int,
        act: Callable[[], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        widths = [math.prod(input_shape)] + depth * [width]
        self.hidden = nn.Sequential(
            *(
                Block(nn.Linear(fan_in, fan_out), act=act, norm=norm, dropout=dropout, generator=generator)
                for fan_in, fan_out in pairwise(widths)
            )
        )
        self.output = nn.Linear(widths[-1], num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.hidden(images.flatten(1)))  # (N, C H W) -> (N, widths[-1]) -> (N, num_outputs)
