"""Cost: ratios to ReLU, bytes kept for backward, and the table."""

import math
import weakref

import pytest
import torch
from torch import nn

from actbench.catalogue import cost, entries
from actbench.catalogue.__main__ import main

CPU = torch.device("cpu")
TINY = (cost.Size("inside cache", 4096, 2, 4),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", 0),  # nothing
        ("relu", 4),  # the output
        ("tanh", 4),  # the output
        ("gelu", 4),  # the input
        ("gelu_sigmoid", 8),  # the input and the sigmoid
        ("snake", 8),  # sin and cos's argument
        ("binary_step_straight_through", 0),
        ("swish_learnable", 8),  # the input and the sigmoid; beta is a parameter and does not count
    ],
)
def test_bytes_kept_for_backward_per_element(name, expected):
    f = entries.load(name).f
    f = f.float() if isinstance(f, nn.Module) else f
    assert cost.saved_bytes(f, torch.randn(1000)) / 1000 == expected


def test_a_storage_kept_twice_counts_once():
    assert cost.saved_bytes(lambda z: z * z, torch.randn(10)) == 40


def test_saved_outputs_are_freed_after_counting():
    """An output that is saved for its own backward is not part of a cycle that cannot be collected."""
    outputs = []

    def f(z):
        outputs.append(weakref.ref(a := z.tanh()))
        return a

    assert cost.saved_bytes(f, torch.randn(10)) == 40
    assert outputs[0]() is None


def test_costs_have_a_row_for_each_dtype_mode_size_and_pass():
    activations = [entries.load(name) for name in ("relu", "tanh")]
    table = cost.costs(activations, device=CPU, sizes=TINY, modes=("eager",))
    assert len(table) == 2 * 2 * 2
    assert not table.duplicated(["function", "dtype", "mode", "size", "pass"]).any()
    assert (table["ns_per_element"] > 0).all()
    assert ((table["ratio_low"] <= table["ratio"]) & (table["ratio"] <= table["ratio_high"])).all()
    assert table.set_index(["dtype", "function"])["elements"]["float32", "relu"].eq(1024).all()
    assert table.set_index(["dtype", "function"])["elements"]["bfloat16", "relu"].eq(2048).all()
    assert (table["copy_gb_per_s"] > 0).all()
    assert table["note"].eq("").all()


def test_a_ratio_compares_samples_taken_next_to_each_other(monkeypatch):
    # The machine becomes ten times slower from sample to sample; the activation takes three times the baseline.
    order, slowness = [], iter(10.0**k for k in range(100))
    seconds = {"baseline": 1.0, "call": 3.0}

    def sample(call, device, calls):
        if calls == 1:
            return 0.0  # the warm-up
        order.append(call())
        if len(order) % 2:
            sample.slow = next(slowness)
        return sample.slow * seconds[order[-1]]

    monkeypatch.setattr(cost, "_sample", sample)
    for first in (0, 1):
        timing = cost._time_with_baseline(lambda: "call", lambda: "baseline", CPU, cost.Size("", 4, 7, 3), first)
        assert timing["ratio"] == 3
    first, second = order[::2][:3], order[::2][3:]
    assert first == ["call", "baseline", "call"]
    assert second == ["baseline", "call", "baseline"]


def test_a_ratio_is_the_median_over_rounds_and_its_interval_the_extremes(monkeypatch):
    """A round goes through all functions before the next begins; a round without a number does not count."""
    ratios, measured = iter([2.0, 8.0, 3.0, math.nan, 7.0, 10.0]), []

    def rows(activation, **options):
        measured.append(activation.name)
        ratio = next(ratios)
        yield {"size": "s", "ratio": ratio, "note": "out of memory" if math.isnan(ratio) else ""} | dict.fromkeys(
            ("copy_ns_per_element", "copy_gb_per_s", "ns_per_element", "saved_bytes_per_element"), 1.0
        )

    monkeypatch.setattr(cost, "_rows", rows)
    activations = [entries.load(name) for name in ("relu", "tanh")]
    options = {"device": CPU, "sizes": TINY, "modes": ("eager",), "dtypes": (torch.float32,), "rounds": 3}
    table = cost.costs(activations, **options).set_index("function")
    assert measured == ["relu", "tanh"] * 3
    columns = ["ratio", "ratio_low", "ratio_high", "rounds", "note"]
    assert table[columns].loc["relu"].tolist() == [3.0, 2.0, 7.0, 3, ""]
    assert table[columns].loc["tanh"].tolist() == [9.0, 8.0, 10.0, 2, "out of memory"]


def test_an_error_of_the_device_is_a_note_without_numbers():
    def f(z):
        if z.dtype == torch.bfloat16:
            raise RuntimeError("not implemented for 'BFloat16'\nand more")
        return z * 2

    activation = entries.NamedFunction("mine", "", {}, f)
    table = cost.costs([activation], device=CPU, sizes=TINY, modes=("eager",)).set_index("dtype")
    assert (table.loc["bfloat16", "note"] == "not implemented for 'BFloat16'").all()
    assert math.isnan(table.loc["bfloat16", "ratio"].iloc[0])
    assert table.loc["float32", "ratio"].notna().all()


def test_the_compiled_mode_is_torch_compile(monkeypatch):
    compiled, resets = [], []
    monkeypatch.setattr(torch, "compile", lambda f, dynamic: compiled.append(f) or f)
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(len(compiled)))
    options = {"device": CPU, "sizes": TINY, "dtypes": (torch.float32,)}
    cost.costs([entries.load("tanh")], modes=("eager",), **options)
    assert (compiled, resets) == ([], [])
    cost.costs([entries.load("tanh")], modes=("compiled",), **options)
    assert resets == list(range(cost.ROUNDS))  # before each function
    assert {str(f) for f in compiled} == {"Tanh()"}  # the baseline stays eager


def test_the_command_prints_costs_and_rejects_unknown_names(capsys, monkeypatch):
    monkeypatch.setattr(cost, "CPU_SIZES", TINY)
    monkeypatch.setattr(cost, "GPU_SIZES", TINY)
    monkeypatch.setattr(torch, "compile", lambda f, dynamic: f)
    assert main(["--cost", "silu"]) == 0
    out = capsys.readouterr().out
    assert "The limit, copying a tensor (GB/s read and written together):" in out
    assert out.count("silu") == 8
    assert main(["--cost", "siluu"]) == 2
    assert capsys.readouterr().err == "actbench.catalogue: There is no act=siluu: did you mean silu?\n"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_device_events_time_the_device():
    z = torch.randn(2**24, device="cuda")
    seconds = cost._sample(lambda: z.clone(), torch.device("cuda"), 10)
    assert 1e-6 < seconds < 1
