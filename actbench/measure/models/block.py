"""The block that every model repeats: weight layer, normalisation, activation, dropout."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from actbench.measure.trace import Activation, Affine


class Dropout(nn.Module):
    """Inverted dropout whose masks come from its own generator, so that they are the same for all activations."""

    def __init__(self, p: float, *, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, a: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return a
        mask = torch.rand(a.shape, generator=self.generator, device=a.device) >= self.p
        return a * mask / (1 - self.p)

    def get_extra_state(self) -> Tensor:
        """The generator's state, for the model's state_dict."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        self.generator.set_state(state)


class Block(nn.Module):
    """dropout(act(norm(weight(x)))): z is the input of `act`, a its output."""

    per_unit = 1  # outputs of `weight` for each unit

    def __init__(
        self,
        weight: Affine,
        *,
        act: Callable[[int], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        num_outputs, spatial = (weight.out_features, 0) if isinstance(weight, nn.Linear) else (weight.out_channels, 2)
        num_units = num_outputs // self.per_unit
        self.weight = weight
        self.norm = norm(num_units, spatial=spatial)
        self.act = act(num_units)
        self.dropout = Dropout(dropout, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.act(self.norm(self.weight(x))))


class GatedBlock(Block):
    """dropout(act(norm(z)) * v), where z and v are the first and the second half of the outputs of weight(x).

    A gated linear unit (Dauphin et al. 2017, arXiv:1612.08083) with any activation (Shazeer 2020, arXiv:2002.05202,
    eq. 5 and 6): GLU with sigmoid, ReGLU with relu, GEGLU with gelu, SwiGLU with silu.
    """

    per_unit = 2

    def forward(self, x: Tensor) -> Tensor:
        z, v = self.weight(x).chunk(2, dim=1)
        return self.dropout(self.act(self.norm(z)) * v)
