"""The deeper convolutional network, for photographs."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block
from actbench.measure.models.cnn import check_size
from actbench.measure.trace import Activation


class ConvNet(nn.Module):
    """For each entry of `widths` two 3×3 convolutions of so many channels, then a linear layer on global maxima.

    The first convolution of a pair is followed by 2×2 max pooling, before normalisation and activation, which leaves
    them a quarter of the work: (N, C, H, W) -> (N, num_outputs). It is the network of Jordan 2024, arXiv:2404.00498,
    narrower and without its whitening layer. Feature maps are stored channels last.

    Raises:
        ValueError: If the images are too small to be halved len(widths) times.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        widths: Sequence[int],
        act: Callable[[int], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        check_size(height, width, widths)

        def pooled(num_units: int, *, spatial: int) -> nn.Module:
            return nn.Sequential(nn.MaxPool2d(2), norm(num_units, spatial=spatial))

        blocks: list[nn.Module] = []
        for num_channels in widths:
            for fan_in, norm_after in ((channels, pooled), (num_channels, norm)):
                conv = nn.Conv2d(fan_in, num_channels, kernel_size=3, padding=1)
                blocks.append(Block(conv, act=act, norm=norm_after, dropout=dropout, generator=generator))
            channels = num_channels
        self.hidden = nn.Sequential(*blocks)
        self.output = nn.Linear(channels, num_outputs)
        self.memory_format = torch.channels_last
        self.to(memory_format=self.memory_format)

    def forward(self, images: Tensor) -> Tensor:
        images = images.to(memory_format=self.memory_format)
        features = self.hidden(images)  # (N, C, H, W) -> (N, widths[-1], H / 2^k, W / 2^k)
        return self.output(features.amax((2, 3)))
