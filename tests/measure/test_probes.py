"""Every probe against a value computed by hand or by another route: numpy, scipy, autograd, a closed form."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from actbench.catalogue import entries
from actbench.measure import probes
from actbench.measure import sparsity as cache
from actbench.measure.probes import PROBES, Shape, every_epoch, learned, log_spaced, measure, never, shape_of
from actbench.measure.sparsity import ENTRIES_AT_ONCE
from actbench.measure.trace import LayerTrace
from actbench.tables.schema import LAYERS

EVERYWHERE = Shape(z_lo=-math.inf, z_hi=math.inf, low=-math.inf, high=math.inf)


def _trace(*, a, z=None, dz=None, f=None, weight=None, weight_before=None, next_y=None, next_bias=None) -> LayerTrace:
    """A layer from (N, U) or (N, U, P) tensors; what is not given is as uninteresting as can be."""

    def shaped(t):
        t = torch.as_tensor(t, dtype=torch.float32)
        return t if t.ndim == 3 else t[..., None]

    a = shaped(a)
    return LayerTrace(
        layer="hidden.0.act",
        layer_index=1,
        f=f or nn.Identity(),
        z=a if z is None else shaped(z),
        a=a,
        dz=torch.ones_like(a) if dz is None else shaped(dz),
        weight=torch.ones(2, 2) if weight is None else weight,
        weight_before=weight_before,
        next_y=None if next_y is None else shaped(next_y),
        next_bias=None if next_bias is None else torch.as_tensor(next_bias),
    )


def measured(trace: LayerTrace, *, shape: Shape) -> dict[str, float]:
    return measure(trace, shape=lambda f: shape)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_probe_is_a_documented_column():
    assert set(PROBES) == {column.name for column in LAYERS} - {
        "run_id", "seed", "epoch", "step", "layer_index", "layer",
    }  # fmt: skip


def test_saturation_counts_each_side():
    z = [[-3.0, 0.0], [-1.0, 5.0], [-2.0, 6.0], [2.0, 7.0]]
    shape = Shape(z_lo=-1.5, z_hi=5.5, low=0, high=1)
    found = measured(_trace(a=z), shape=shape)
    assert found["saturation_low"] == pytest.approx(2 / 8)
    assert found["saturation_high"] == pytest.approx(2 / 8)
    assert found["saturated_units"] == 0


def test_every_entry_lies_below_plus_and_above_minus_infinity():
    found = measured(_trace(a=[[-3.0, 0.0], [1.0, 5.0]]), shape=Shape(math.inf, -math.inf, 0, 1))
    assert (found["saturation_low"], found["saturation_high"], found["saturated_units"]) == (1, 1, 1)
    found = measured(_trace(a=[[-3.0, 0.0], [1.0, 5.0]]), shape=EVERYWHERE)
    assert (found["saturation_low"], found["saturation_high"], found["saturated_units"]) == (0, 0, 0)


@pytest.mark.parametrize(("beyond", "share"), [(19, 0.5), (18, 0.0)])
def test_a_unit_is_saturated_from_95_percent_on_one_side(beyond, share):
    """20 examples: 19 are 95 %. The second unit has 19 beyond the ends too, but on two sides."""
    first = [9.0] * beyond + [0.0] * (20 - beyond)
    second = [9.0] * 10 + [-9.0] * 9 + [0.0]
    found = measured(_trace(a=list(zip(first, second, strict=True))), shape=Shape(-5, 5, -1, 1))
    assert found["saturated_units"] == share


def test_saturation_of_relu_is_its_zero_gradient_share():
    z = torch.randn(100, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (slope,) = torch.autograd.grad(torch.relu(z).sum(), z)
    found = measured(_trace(a=z.detach(), f=nn.ReLU()), shape=shape_of(nn.ReLU(), epsilon=0.01))
    assert found["saturation_low"] == pytest.approx((slope == 0).float().mean().item())
    assert found["saturation_high"] == 0


def test_dead_is_gradient_dead_whatever_the_function():
    """Unit 1 never leaves the flat side, unit 2 does on the last of 100 examples, unit 3 always."""
    z = torch.full((100, 3), -1.0)
    z[-1, 1] = z[:, 2] = 1.0
    assert measured(_trace(a=z, f=nn.ReLU()), shape=EVERYWHERE)["dead"] == pytest.approx(1 / 3)
    assert measured(_trace(a=z, f=nn.LeakyReLU()), shape=EVERYWHERE)["dead"] == 0
    assert measured(_trace(a=20 * z, f=nn.Sigmoid()), shape=EVERYWHERE)["dead"] == 1  # σ'(±20) is 2e-9


@pytest.mark.parametrize("name", entries.names())
def test_dead_is_where_autograd_finds_no_slope(name):
    """Falling slopes too, at any z: every function of conf/act, units on one side, on the other and on both."""
    f = entries.load(name).f
    f = (f if isinstance(f, nn.Module) else _Called(f)).float().eval()
    z = torch.randn(50, 9, generator=torch.Generator().manual_seed(0)) + torch.tensor(
        [-30.0, -5, -1, -0.3, 0, 0.3, 1, 5, 30]
    )
    z.requires_grad_()
    (slope,) = torch.autograd.grad(f(z).sum(), z, allow_unused=True, materialize_grads=True)
    expected = (slope.abs().amax(0) < 1e-6).double().mean().item()
    assert measured(_trace(a=z.detach(), f=f), shape=EVERYWHERE)["dead"] == pytest.approx(expected)


class _Called(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, z):
        return self.f(z)


def test_dead_looks_at_every_example_of_feature_maps_too():
    """Three channels of more positions than are looked at at once: the second is alive in the last example alone."""
    z = torch.full((3, 3, ENTRIES_AT_ONCE), -1.0)
    z[-1, 1, -1] = z[:, 2] = 1.0
    assert measured(_trace(a=z, f=nn.ReLU()), shape=EVERYWHERE)["dead"] == pytest.approx(1 / 3)


def test_constant_units_by_hand(rng):
    """RMS 1 by construction: standard deviations 0, 0.5e-3 and 2e-3 against the limit 1e-3."""
    sign = np.tile([1.0, -1.0], 50)[:, None]
    a = 1 + sign * np.array([[0, 0.5e-3, 2e-3]])
    assert measured(_trace(a=a), shape=EVERYWHERE)["constant"] == pytest.approx(2 / 3)


def test_a_layer_that_is_all_zero_is_constant():
    assert measured(_trace(a=[[0.0, 0.0], [0.0, 0.0]]), shape=EVERYWHERE)["constant"] == 1


def test_saturation_is_missing_where_there_is_no_threshold():
    found = measured(_trace(a=[[1.0]]), shape=Shape(math.nan, math.nan, 0, math.inf))
    assert math.isnan(found["saturation_low"])
    assert math.isnan(found["saturation_high"])


def test_phi_by_hand_and_only_for_bounded_functions():
    a = [[0.0, 1.0], [0.5, 0.25]]
    assert measured(_trace(a=a), shape=Shape(-6, 6, 0, 1))["phi"] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert math.isnan(measured(_trace(a=a), shape=Shape(-6, 6, 0, math.inf))["phi"])


def test_phi_goes_to_one_at_both_asymptotes():
    a = torch.sigmoid(torch.tensor([[-40.0, 40.0]]))
    assert measured(_trace(a=a), shape=shape_of(nn.Sigmoid(), epsilon=0.01))["phi"] == pytest.approx(1)


def test_output_measures_by_hand():
    """Units with means 1 and -1: the signed mean cancels, the bias does not."""
    found = measured(_trace(a=[[2.0, -2.0], [0.0, 0.0]]), shape=EVERYWHERE)
    assert found["out_mean"] == 0
    assert found["out_bias"] == pytest.approx(1)
    assert found["out_std"] == pytest.approx(math.sqrt(2))
    assert found["out_ratio"] == pytest.approx(1 / math.sqrt(2))
    assert found["w2_normal"] == pytest.approx(math.sqrt(2) - 1)


@pytest.mark.parametrize("positions", [1, 5])
def test_output_measures_against_numpy(positions, rng):
    a = rng.normal(0.3, 2.0, (50, 6, positions)).astype(np.float32)
    found = measured(_trace(a=a), shape=EVERYWHERE)
    units = a.astype(np.float64).mean((0, 2))
    assert found["out_mean"] == pytest.approx(a.mean(), rel=1e-4)
    assert found["out_bias"] == pytest.approx(np.sqrt((units**2).mean()), rel=1e-4)
    assert found["out_std"] == pytest.approx(a.astype(np.float64).std(), rel=1e-5)
    assert found["w2_normal"] == pytest.approx(np.hypot(a.mean(), a.std() - 1), rel=1e-4)


def test_a_standard_normal_output_has_distance_zero(rng):
    assert measured(_trace(a=rng.normal(size=(5000, 20))), shape=EVERYWHERE)["w2_normal"] < 0.01


def test_bias_shift_is_the_constant_share_of_the_next_pre_activation(rng):
    """std over units of W μ, over std(z'), with z' = W a + b written out."""
    a = rng.normal(0.5, 1.0, (200, 8))
    w, b = rng.normal(size=(5, 8)), rng.normal(size=5)
    z = a @ w.T + b
    expected = (w @ a.mean(0)).std() / z.std()
    found = measured(_trace(a=a, next_y=z, next_bias=b.astype(np.float32)), shape=EVERYWHERE)["bias_shift"]
    assert found == pytest.approx(expected, rel=1e-5)
    assert math.isnan(measured(_trace(a=a), shape=EVERYWHERE)["bias_shift"])


def test_gradient_measures_by_hand():
    found = measured(_trace(a=[[0.0, 0.0], [0.0, 0.0]], dz=[[3.0, 0.0], [0.0, 4.0]]), shape=EVERYWHERE)
    assert found["grad_rms"] == pytest.approx(2.5)
    assert found["grad_zero"] == 0.5
    assert found["grad_hoyer"] == pytest.approx((2 - 7 / 5) / (2 - 1))


@pytest.mark.parametrize(("dz", "sparsity"), [([[1.0, -1.0, 1.0, 1.0]], 0.0), ([[0.0, 0.0, 5.0, 0.0]], 1.0)])
def test_hoyer_sparsity_at_its_ends(dz, sparsity):
    assert measured(_trace(a=dz, dz=dz), shape=EVERYWHERE)["grad_hoyer"] == pytest.approx(sparsity, abs=1e-6)


def test_update_ratio_by_hand():
    weight, before = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.5]])
    trace = _trace(a=[[1.0]], weight=weight, weight_before=before)
    assert measured(trace, shape=EVERYWHERE)["update_ratio"] == pytest.approx(0.5 / 5)
    assert math.isnan(measured(_trace(a=[[1.0]]), shape=EVERYWHERE)["update_ratio"])


@pytest.mark.parametrize("positions", [1, 4])
def test_rank_against_numpys_singular_values(positions, rng):
    a = rng.normal(size=(60, 12, positions)).astype(np.float32) * np.linspace(0.1, 3, 12)[None, :, None]
    rows = a.transpose(0, 2, 1).reshape(-1, 12).astype(np.float64)
    sigma = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    share = sigma / sigma.sum()
    expected = np.exp(-(share * np.log(share)).sum()) / 12
    assert measured(_trace(a=a), shape=EVERYWHERE)["rank"] == pytest.approx(expected, rel=1e-4)


def test_rank_at_its_ends(rng):
    """Equal and uncorrelated units have full rank, copies of one unit rank 1 of 8."""
    full = np.vstack([np.eye(8), -np.eye(8)])
    copies = np.repeat(rng.normal(size=(50, 1)), 8, axis=1)
    assert measured(_trace(a=full), shape=EVERYWHERE)["rank"] == pytest.approx(1)
    assert measured(_trace(a=copies), shape=EVERYWHERE)["rank"] == pytest.approx(1 / 8, rel=1e-2)


def test_learned_parameters_are_named_by_their_config_key():
    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.beta, self.numerator = nn.Parameter(torch.tensor(1.5)), nn.Parameter(torch.tensor([0.25, 2.0]))

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.f = Learned()

    assert learned(Layer()) == {"act.beta": 1.5, "act.numerator[0]": 0.25, "act.numerator[1]": 2.0}


def test_probe_steps():
    assert sorted(log_spaced(num_steps=1000, steps_per_epoch=10, per_decade=2)) == [0, 1, 3, 10, 32, 100, 316, 1000]
    assert sorted(log_spaced(num_steps=45, steps_per_epoch=10, per_decade=1)) == [0, 1, 10, 45]
    assert sorted(log_spaced(num_steps=1, steps_per_epoch=1, per_decade=2)) == [0, 1]
    assert sorted(every_epoch(num_steps=30, steps_per_epoch=10)) == [0, 10, 20, 30]
    assert never(num_steps=30, steps_per_epoch=10) == set()


def test_shape_of_a_layer_follows_its_learned_parameter():
    """PReLU saturates on neither side, but one whose slope was learned to be 0 is ReLU."""
    layer = nn.PReLU()
    assert shape_of(layer, epsilon=0.01) == EVERYWHERE
    with torch.no_grad():
        layer.weight.zero_()
    assert shape_of(layer, epsilon=0.01) == Shape(0.0, math.inf, 0.0, math.inf)
    assert probes.shape_of(nn.Hardtanh(), epsilon=0.01) == Shape(-1.0, 1.0, -1.0, 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["z", "a", "dz"])
def test_a_layer_that_is_not_finite_has_no_measures(where, bad):
    finite = {name: [[1.0, 2.0], [0.0, 1.0]] for name in ("z", "a", "dz")}
    found = measured(_trace(**finite | {where: [[1.0, bad], [0.0, 1.0]]}), shape=EVERYWHERE)
    assert set(found) == set(PROBES)
    assert all(math.isnan(value) for value in found.values())


def test_a_gradient_whose_norm_overflows_is_finite_all_the_same():
    dz = torch.tensor([[1e38, -1e38, 3e38, -3e38]])
    assert _trace(a=[[0.0, 1.0, 2.0, 3.0]], dz=dz.tolist()).is_finite


@pytest.mark.parametrize("at_once", [8, 20])
def test_shares_and_slopes_in_parts_are_those_of_the_whole(at_once, monkeypatch):
    """The last part is smaller than the others."""
    z = torch.randn(7, 3, 2, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(cache, "ENTRIES_AT_ONCE", at_once)
    t = _trace(a=z.relu(), z=z, f=nn.ReLU())
    torch.testing.assert_close(t.share(torch.lt, 0.0), (z < 0).float().mean((0, 2)))
    assert torch.equal(torch.cat(list(t.slopes())), (z > 0).float())
