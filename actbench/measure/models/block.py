"""The block that every model repeats: weight layer, normalisation, activation, dropout."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from actbench.measure.trace import Activation


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

    def __init__(
        self,
        weight: nn.Linear | nn.Conv2d,
        *,
        act: Callable[[], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        spatial = 2 if isinstance(weight, nn.Conv2d) else 0
        self.weight = weight
        self.norm = norm(weight.weight.shape[0], spatial=spatial)
        self.act = act()
        self.dropout = Dropout(dropout, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.act(self.norm(self.weight(x))))
