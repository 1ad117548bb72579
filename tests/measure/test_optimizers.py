"""Optimizers without the compiler update, save and restore as torch's own do, to the bit."""

import pytest
import torch
from torch.optim import SGD, Adam, AdamW

from actbench.measure.optimizers import uncompiled

CLASSES = [
    (Adam, {"fused": True}), (Adam, {}), (AdamW, {"weight_decay": 0.1}), (SGD, {"lr": 0.1, "momentum": 0.9}),
]  # fmt: skip


def _weights(optimizer_class, keywords, *, steps, restored_at=None):
    """A weight after some steps, for the last of which the optimizer may be a new one with the state of the old one."""
    draws = torch.Generator().manual_seed(1)
    weight = torch.nn.Parameter(torch.randn(3, 4, generator=draws))
    optimizer = optimizer_class([weight], **keywords)
    for step in range(steps):
        if step == restored_at:
            state = optimizer.state_dict()
            optimizer = optimizer_class([weight], **keywords)
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        (weight @ torch.randn(4, 5, generator=draws)).square().sum().backward()
        optimizer.step()
    return weight.detach()


@pytest.mark.parametrize(("optimizer", "keywords"), CLASSES)
@pytest.mark.parametrize("restored_at", [None, 2])
def test_updates_are_those_of_torch(optimizer, keywords, restored_at):
    expected = _weights(optimizer, keywords, steps=4)
    weight = _weights(uncompiled(optimizer), keywords, steps=4, restored_at=restored_at)
    assert torch.equal(weight, expected)


def test_an_optimizer_that_is_not_torchs_stays_as_it_is():
    class Own(SGD):
        pass

    assert uncompiled(Own) is Own
