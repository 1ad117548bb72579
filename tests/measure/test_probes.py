"""Every probe against a value computed by hand or in another way: numpy, autograd, a closed form."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from actbench.catalogue import entries
from actbench.measure import probes, sparsity
from actbench.measure.probes import PROBES, Bounds, act_parameters, bounds_of, every_epoch, log_spaced, measure, never
from actbench.measure.sparsity import CHUNK_ENTRIES
from actbench.measure.trace import Activation, LayerTrace
from actbench.tables.schema import LAYERS

UNBOUNDED = Bounds(z_lo=-math.inf, z_hi=math.inf, low=-math.inf, high=math.inf)


def _trace(*, a, z=None, dz=None, f=None, weight=None, weight_before=None, next_y=None, next_bias=None) -> LayerTrace:
    """The trace of a layer with (N, U) or (N, U, P) tensors; those left out have neutral values."""

    def with_positions(t):
        t = torch.as_tensor(t, dtype=torch.float32)
        return t if t.ndim == 3 else t[..., None]

    a = with_positions(a)
    return LayerTrace(
        layer="hidden.0.act",
        layer_index=1,
        f=f or nn.Identity(),
        z=a if z is None else with_positions(z),
        a=a,
        dz=torch.ones_like(a) if dz is None else with_positions(dz),
        weight=torch.ones(2, 2) if weight is None else weight,
        weight_before=weight_before,
        next_y=None if next_y is None else with_positions(next_y),
        next_bias=None if next_bias is None else torch.as_tensor(next_bias),
        positions=() if a.shape[2] == 1 else (a.shape[2],),
    )


def _measures(trace: LayerTrace, *, bounds: Bounds) -> dict[str, float]:
    return measure(trace, bounds=lambda f: [bounds])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_probe_has_a_documented_column():
    assert set(PROBES) == {column.name for column in LAYERS} - {
        "run_id", "seed", "epoch", "step", "layer_index", "layer", "layer_act",
    }  # fmt: skip


def test_saturation_counts_each_side():
    z = [[-3.0, 0.0], [-1.0, 5.0], [-2.0, 6.0], [2.0, 7.0]]
    bounds = Bounds(z_lo=-1.5, z_hi=5.5, low=0, high=1)
    measures = _measures(_trace(a=z), bounds=bounds)
    assert measures["saturation_low"] == pytest.approx(2 / 8)
    assert measures["saturation_high"] == pytest.approx(2 / 8)
    assert measures["saturated_units"] == 0


def test_saturation_counts_all_or_no_entries_at_infinite_thresholds():
    measures = _measures(_trace(a=[[-3.0, 0.0], [1.0, 5.0]]), bounds=Bounds(math.inf, -math.inf, 0, 1))
    assert (measures["saturation_low"], measures["saturation_high"], measures["saturated_units"]) == (1, 1, 1)
    measures = _measures(_trace(a=[[-3.0, 0.0], [1.0, 5.0]]), bounds=UNBOUNDED)
    assert (measures["saturation_low"], measures["saturation_high"], measures["saturated_units"]) == (0, 0, 0)


@pytest.mark.parametrize(("num_beyond", "share"), [(19, 0.5), (18, 0.0)])
def test_a_unit_is_saturated_from_95_percent_on_one_side(num_beyond, share):
    """19 of 20 examples are 95 %. The second unit also has 19 beyond the thresholds, but on both sides."""
    first = [9.0] * num_beyond + [0.0] * (20 - num_beyond)
    second = [9.0] * 10 + [-9.0] * 9 + [0.0]
    measures = _measures(_trace(a=list(zip(first, second, strict=True))), bounds=Bounds(-5, 5, -1, 1))
    assert measures["saturated_units"] == share


def test_saturation_of_relu_is_its_share_of_zero_gradients():
    z = torch.randn(100, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (slope,) = torch.autograd.grad(torch.relu(z).sum(), z)
    measures = _measures(_trace(a=z.detach(), f=nn.ReLU()), bounds=bounds_of(nn.ReLU(), epsilon=0.01))
    assert measures["saturation_low"] == pytest.approx((slope == 0).float().mean().item())
    assert measures["saturation_high"] == 0


def test_a_unit_is_dead_if_its_gradient_is_zero_on_all_examples():
    """Unit 1 is always on the negative side, unit 2 leaves it on the last of 100 examples, unit 3 is never there."""
    z = torch.full((100, 3), -1.0)
    z[-1, 1] = z[:, 2] = 1.0
    assert _measures(_trace(a=z, f=nn.ReLU()), bounds=UNBOUNDED)["dead"] == pytest.approx(1 / 3)
    assert _measures(_trace(a=z, f=nn.LeakyReLU()), bounds=UNBOUNDED)["dead"] == 0
    assert _measures(_trace(a=20 * z, f=nn.Sigmoid()), bounds=UNBOUNDED)["dead"] == 1  # σ'(±20) is 2e-9


@pytest.mark.parametrize("name", entries.names())
def test_dead_agrees_with_autograd(name):
    """For every function of conf/act, negative slopes included, with units at z of either sign and of both."""
    f = entries.load(name).f
    f = (f if isinstance(f, nn.Module) else _Function(f)).float().eval()
    z = torch.randn(50, 9, generator=torch.Generator().manual_seed(0)) + torch.tensor(
        [-30.0, -5, -1, -0.3, 0, 0.3, 1, 5, 30]
    )
    z.requires_grad_()
    (slope,) = torch.autograd.grad(f(z).sum(), z, allow_unused=True, materialize_grads=True)
    expected = (slope.abs().amax(0) < 1e-6).double().mean().item()
    assert _measures(_trace(a=z.detach(), f=f), bounds=UNBOUNDED)["dead"] == pytest.approx(expected)


class _Function(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, z):
        return self.f(z)


def test_dead_reads_every_chunk_of_a_feature_map():
    """Three channels with more positions than a chunk has entries; the second is alive in the last example only."""
    z = torch.full((3, 3, CHUNK_ENTRIES), -1.0)
    z[-1, 1, -1] = z[:, 2] = 1.0
    assert _measures(_trace(a=z, f=nn.ReLU()), bounds=UNBOUNDED)["dead"] == pytest.approx(1 / 3)


def test_constant_units_are_below_a_thousandth_of_the_rms(rng):
    """The RMS is 1: standard deviations of 0, 0.5e-3 and 2e-3 against the limit of 1e-3."""
    sign = np.tile([1.0, -1.0], 50)[:, None]
    a = 1 + sign * np.array([[0, 0.5e-3, 2e-3]])
    assert _measures(_trace(a=a), bounds=UNBOUNDED)["constant"] == pytest.approx(2 / 3)


def test_a_layer_that_is_all_zero_is_constant():
    assert _measures(_trace(a=[[0.0, 0.0], [0.0, 0.0]]), bounds=UNBOUNDED)["constant"] == 1


def test_saturation_is_missing_without_a_threshold():
    measures = _measures(_trace(a=[[1.0]]), bounds=Bounds(math.nan, math.nan, 0, math.inf))
    assert math.isnan(measures["saturation_low"])
    assert math.isnan(measures["saturation_high"])


def test_phi_equals_one_by_hand_and_is_missing_for_unbounded_functions():
    a = [[0.0, 1.0], [0.5, 0.25]]
    assert _measures(_trace(a=a), bounds=Bounds(-6, 6, 0, 1))["phi"] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert math.isnan(_measures(_trace(a=a), bounds=Bounds(-6, 6, 0, math.inf))["phi"])


def test_phi_is_one_at_both_asymptotes():
    a = torch.sigmoid(torch.tensor([[-40.0, 40.0]]))
    assert _measures(_trace(a=a), bounds=bounds_of(nn.Sigmoid(), epsilon=0.01))["phi"] == pytest.approx(1)


def test_output_measures_equal_those_by_hand():
    """Units with means 1 and -1: they cancel in the mean but not in the bias."""
    measures = _measures(_trace(a=[[2.0, -2.0], [0.0, 0.0]]), bounds=UNBOUNDED)
    assert measures["out_mean"] == 0
    assert measures["out_bias"] == pytest.approx(1)
    assert measures["out_std"] == pytest.approx(math.sqrt(2))
    assert measures["out_ratio"] == pytest.approx(1 / math.sqrt(2))
    assert measures["w2_normal"] == pytest.approx(math.sqrt(2) - 1)


@pytest.mark.parametrize("positions", [1, 5])
def test_output_measures_equal_numpys(positions, rng):
    a = rng.normal(0.3, 2.0, (50, 6, positions)).astype(np.float32)
    measures = _measures(_trace(a=a), bounds=UNBOUNDED)
    unit_means = a.astype(np.float64).mean((0, 2))
    assert measures["out_mean"] == pytest.approx(a.mean(), rel=1e-4)
    assert measures["out_bias"] == pytest.approx(np.sqrt((unit_means**2).mean()), rel=1e-4)
    assert measures["out_std"] == pytest.approx(a.astype(np.float64).std(), rel=1e-5)
    assert measures["w2_normal"] == pytest.approx(np.hypot(a.mean(), a.std() - 1), rel=1e-4)


def test_a_standard_normal_output_has_distance_zero(rng):
    assert _measures(_trace(a=rng.normal(size=(5000, 20))), bounds=UNBOUNDED)["w2_normal"] < 0.01


def test_bias_shift_is_the_shift_of_the_next_pre_activation_by_the_mean(rng):
    """std of W μ over units / std(z'), with z' = W a + b written out."""
    a = rng.normal(0.5, 1.0, (200, 8))
    w, b = rng.normal(size=(5, 8)), rng.normal(size=5)
    z = a @ w.T + b
    expected = (w @ a.mean(0)).std() / z.std()
    measures = _measures(_trace(a=a, next_y=z, next_bias=b.astype(np.float32)), bounds=UNBOUNDED)
    assert measures["bias_shift"] == pytest.approx(expected, rel=1e-5)
    assert math.isnan(_measures(_trace(a=a), bounds=UNBOUNDED)["bias_shift"])


def test_gradient_measures_equal_those_by_hand():
    measures = _measures(_trace(a=[[0.0, 0.0], [0.0, 0.0]], dz=[[3.0, 0.0], [0.0, 4.0]]), bounds=UNBOUNDED)
    assert measures["grad_rms"] == pytest.approx(2.5)
    assert measures["grad_zero"] == 0.5
    assert measures["grad_hoyer"] == pytest.approx((2 - 7 / 5) / (2 - 1))


@pytest.mark.parametrize(("dz", "sparsity"), [([[1.0, -1.0, 1.0, 1.0]], 0.0), ([[0.0, 0.0, 5.0, 0.0]], 1.0)])
def test_hoyer_sparsity_is_zero_for_equal_entries_and_one_for_a_single_one(dz, sparsity):
    assert _measures(_trace(a=dz, dz=dz), bounds=UNBOUNDED)["grad_hoyer"] == pytest.approx(sparsity, abs=1e-6)


def test_the_update_ratio_equals_one_by_hand():
    weight, before = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.5]])
    trace = _trace(a=[[1.0]], weight=weight, weight_before=before)
    assert _measures(trace, bounds=UNBOUNDED)["update_ratio"] == pytest.approx(0.5 / 5)
    assert math.isnan(_measures(_trace(a=[[1.0]]), bounds=UNBOUNDED)["update_ratio"])


@pytest.mark.parametrize("positions", [1, 4])
def test_rank_agrees_with_numpys_singular_values(positions, rng):
    a = rng.normal(size=(60, 12, positions)).astype(np.float32) * np.linspace(0.1, 3, 12)[None, :, None]
    rows = a.transpose(0, 2, 1).reshape(-1, 12).astype(np.float64)
    sigma = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    share = sigma / sigma.sum()
    expected = np.exp(-(share * np.log(share)).sum()) / 12
    assert _measures(_trace(a=a), bounds=UNBOUNDED)["rank"] == pytest.approx(expected, rel=1e-4)


def test_rank_is_full_for_uncorrelated_units_and_one_for_copies(rng):
    """Uncorrelated units of equal variance have full rank, copies of one unit rank 1 of 8."""
    full = np.vstack([np.eye(8), -np.eye(8)])
    copies = np.repeat(rng.normal(size=(50, 1)), 8, axis=1)
    assert _measures(_trace(a=full), bounds=UNBOUNDED)["rank"] == pytest.approx(1)
    assert _measures(_trace(a=copies), bounds=UNBOUNDED)["rank"] == pytest.approx(1 / 8, rel=1e-2)


def test_learned_parameters_are_named_by_their_config_key():
    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.beta, self.numerator = nn.Parameter(torch.tensor(1.5)), nn.Parameter(torch.tensor([0.25, 2.0]))

    assert act_parameters(Activation(Learned())) == {"act.beta": 1.5, "act.numerator[0]": 0.25, "act.numerator[1]": 2.0}


def test_schedules_give_their_probe_steps():
    assert sorted(log_spaced(num_steps=1000, steps_per_epoch=10, per_decade=2)) == [0, 1, 3, 10, 32, 100, 316, 1000]
    assert sorted(log_spaced(num_steps=45, steps_per_epoch=10, per_decade=1)) == [0, 1, 10, 45]
    assert sorted(log_spaced(num_steps=1, steps_per_epoch=1, per_decade=2)) == [0, 1]
    assert sorted(every_epoch(num_steps=30, steps_per_epoch=10)) == [0, 10, 20, 30]
    assert never(num_steps=30, steps_per_epoch=10) == set()


def test_bounds_of_a_layer_depend_on_its_learned_parameter():
    """PReLU saturates on neither side; with a learned slope of 0 it is ReLU."""
    layer = nn.PReLU()
    assert bounds_of(layer, epsilon=0.01) == UNBOUNDED
    with torch.no_grad():
        layer.weight.zero_()
    assert bounds_of(layer, epsilon=0.01) == Bounds(0.0, math.inf, 0.0, math.inf)
    assert probes.bounds_of(nn.Hardtanh(), epsilon=0.01) == Bounds(-1.0, 1.0, -1.0, 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["z", "a", "dz"])
def test_all_measures_of_a_layer_that_is_not_finite_are_missing(where, bad):
    finite = {name: [[1.0, 2.0], [0.0, 1.0]] for name in ("z", "a", "dz")}
    measures = _measures(_trace(**finite | {where: [[1.0, bad], [0.0, 1.0]]}), bounds=UNBOUNDED)
    assert set(measures) == set(PROBES)
    assert all(math.isnan(value) for value in measures.values())


def test_a_finite_gradient_is_finite_though_its_norm_overflows():
    dz = torch.tensor([[1e38, -1e38, 3e38, -3e38]])
    assert _trace(a=[[0.0, 1.0, 2.0, 3.0]], dz=dz.tolist()).is_finite


@pytest.mark.parametrize("num_entries", [8, 20])
def test_shares_and_slopes_do_not_depend_on_the_chunk_size(num_entries, monkeypatch):
    """The last chunk is smaller than the others."""
    z = torch.randn(7, 3, 2, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(sparsity, "CHUNK_ENTRIES", num_entries)
    t = _trace(a=z.relu(), z=z, f=nn.ReLU())
    torch.testing.assert_close(t.share(torch.lt, 0.0), (z < 0).float().mean((0, 2)))
    assert torch.equal(torch.cat(list(t.slopes())), (z > 0).float())
