"""The convolutional network without pooling, as DCGAN's discriminator."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block
from actbench.measure.models.cnn import check_size
from actbench.measure.trace import Activation


class StridedCNN(nn.Module):
    """4×4 convolutions of `widths` channels with stride 2 and padding 1: (N, C, H, W) -> (N, num_outputs).

    The discriminator of DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3), where strided convolutions replace
    pooling. The last feature map is flattened for the linear layer.

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
        blocks: list[nn.Module] = []
        for num_channels in widths:
            conv = nn.Conv2d(channels, num_channels, kernel_size=4, stride=2, padding=1)
            blocks.append(Block(conv, act=act, norm=norm, dropout=dropout, generator=generator))
            channels, height, width = num_channels, height // 2, width // 2
        self.hidden = nn.Sequential(*blocks)
        self.output = nn.Linear(channels * height * width, num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        features = self.hidden(images)  # (N, C, H, W) -> (N, widths[-1], H / 2^k, W / 2^k)
        return self.output(features.flatten(1))
