"""Gated MLPs against the formula of their layer, and their number of parameters against the same MLP without gates."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from actbench.__main__ import main
from actbench.measure.models.block import GatedBlock
from actbench.measure.models.mlp import MLP
from actbench.measure.models.norm import none
from actbench.measure.trace import Activation, trace
from actbench.tables import store

PARTS = {"act": lambda num_units: Activation(nn.SiLU()), "norm": none, "dropout": 0.0}


def mlp(**sizes):
    with torch.device("meta"):  # no weight is drawn
        return MLP(input_shape=[1, 8, 8], num_outputs=10, generator=torch.Generator(), **PARTS, **sizes)


def num_parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_a_gated_layer_is_act_of_one_half_times_the_other():
    """SwiGLU (Shazeer 2020, eq. 6): silu(x W) * (x V), here with biases."""
    block = GatedBlock(nn.Linear(5, 6), generator=torch.Generator(), **PARTS)
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    w, v = block.weight.weight[:3], block.weight.weight[3:]
    b, c = block.weight.bias[:3], block.weight.bias[3:]
    torch.testing.assert_close(block(x), F.silu(x @ w.T + b) * (x @ v.T + c))


@given(width=st.integers(4, 600), depth=st.integers(1, 6))
def test_gates_keep_the_number_of_parameters(width, depth):
    """No other width comes nearer, and none can be missed by more than one unit's weights."""
    plain, gated = (num_parameters(mlp(depth=depth, width=width, gate=gate)) for gate in (False, True))
    units = mlp(depth=depth, width=width, gate=True).output.in_features
    of_one_unit = 2 * (64 + 1) + (depth - 1) * 2 * (2 * units + 2) + 10
    assert abs(gated - plain) <= of_one_unit


def test_a_wide_gated_mlp_is_about_two_thirds_as_wide():
    """1/sqrt(2) where hidden layers dominate, 1/2 where the input does."""
    assert mlp(depth=3, width=512, gate=True).output.in_features / 512 == pytest.approx(2**-0.5, abs=0.01)
    assert mlp(depth=1, width=512, gate=True).output.in_features / 512 == pytest.approx(0.53, abs=0.05)


def test_the_trace_of_a_gated_layer_is_of_its_activation():
    model = mlp(depth=2, width=16, gate=True).to_empty(device="cpu")
    for parameter in model.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
    x = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = trace(model, lambda: model(x).sum())
    z = (x.flatten(1) @ first.weight.T + model.hidden[0].weight.bias).chunk(2, dim=1)[0]
    torch.testing.assert_close(first.z.squeeze(-1), z)
    torch.testing.assert_close(first.a.squeeze(-1), F.silu(z))
    assert second.layer_index == 2


FEW = ["num_seeds=1", "train.epochs=1", "data.num_train=128", "probes=none", "hydra/launcher=basic"]


def test_both_numbers_of_parameters_are_printed_and_on_the_page(undrawn, capsys):
    assert main(["-m", "+act=silu", "model.gate=true,false", *FEW]) == 0
    printed, page = capsys.readouterr().out, Path("results/adhoc/report.md").read_text()
    runs = store.collect(Path("results/adhoc")).runs.set_index("model.gate")["num_parameters"]
    assert f"\n{runs[True]:,.0f} parameters; {runs[False]:,.0f} without gates.\n" in printed
    assert f"{runs[True]:,.0f} with gates, {runs[False]:,.0f} without" in page


def test_a_run_with_gates_prints_the_number_without(undrawn, capsys):
    """Of an MLP 64-3×128-10: the weights and biases of three hidden layers and the output."""
    assert main(["+act=silu", "model.gate=true", *FEW]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    plain = 65 * 128 + 2 * 129 * 128 + 129 * 10
    gated = store.collect(Path("results/adhoc")).runs["num_parameters"].item()
    assert first == f"{gated:,.0f} parameters; {plain:,} without gates."
