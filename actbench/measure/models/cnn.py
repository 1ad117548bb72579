"""The small convolutional network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block
from actbench.measure.trace import Activation


class CNN(nn.Module):
    """3×3 convolutions of `widths` channels, each followed by 2×2 max pooling: (N, C, H, W) -> (N, num_outputs).

    The last feature map is flattened for the linear layer, as in LeNet. Feature maps are stored channels last, which
    makes convolution and pooling up to 1.6 times faster on the CPU.

    Raises:
        ValueError: If the images are too small to be halved len(widths) times.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        num_outputs: int,
        widths: Sequence[int],
        act: Callable[[], Activation],
        norm: Callable[..., nn.Module],
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        check_size(height, width, widths)
        blocks: list[nn.Module] = []
        for num_channels in widths:
            conv = nn.Conv2d(channels, num_channels, kernel_size=3, padding=1)
            blocks.append(Block(conv, act=act, norm=norm, dropout=dropout, generator=generator))
            blocks.append(nn.MaxPool2d(2))
            channels, height, width = num_channels, height // 2, width // 2
        self.hidden = nn.Sequential(*blocks)
        self.output = nn.Linear(channels * height * width, num_outputs)
        self.memory_format = torch.channels_last
        self.to(memory_format=self.memory_format)

    def forward(self, images: Tensor) -> Tensor:
        images = images.to(memory_format=self.memory_format)
        features = self.hidden(images)  # (N, C, H, W) -> (N, widths[-1], H / 2^k, W / 2^k)
        return self.output(features.flatten(1))


def check_size(height: int, width: int, widths: Sequence[int]) -> None:
    """Raise a ValueError if images of this size cannot be halved for each of the widths."""
    if min(height, width) < 2 ** len(widths):
        raise ValueError(
            f"model.widths has {len(widths)} entries, each of which halves the image, but the images are only "
            f"{height}×{width}: give at most {min(height, width).bit_length() - 1} widths."
        )
