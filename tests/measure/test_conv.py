"""The deeper convolutional network against the same network written in torch's functions."""

import pytest
import torch
import torch.nn.functional as F

from actbench.command.options import ConfigError
from actbench.measure import build
from actbench.measure.data.splits import Scale, Split

LINE = ["+act=gelu", "model=conv", "model.widths=[4,8]", "norm=batch"]


def test_each_pair_of_convolutions_pools_before_the_first_normalisation(job_of):
    config = job_of(*LINE).config
    images = torch.randn(5, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    train = Split(images, torch.arange(5), torch.arange(5), Scale(1, None))
    model = build.model(config, train, seed=0, on=torch.device("cpu"))
    x, state = images, model.state_dict()
    for index in range(4):
        x = F.conv2d(x, state[f"hidden.{index}.weight.weight"], state[f"hidden.{index}.weight.bias"], padding=1)
        x = F.max_pool2d(x, 2) if index % 2 == 0 else x
        x = F.gelu((x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt())
    expected = F.linear(x.flatten(2).max(2).values, state["output.weight"], state["output.bias"])
    assert x.shape == (5, 8, 3, 2)
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-4)


def test_images_that_are_too_small_are_refused(job_of):
    with pytest.raises(ConfigError, match="has 4 entries, each of which halves the image"):
        job_of("+act=gelu", "model=conv", "model.widths=[4,4,4,4]")
