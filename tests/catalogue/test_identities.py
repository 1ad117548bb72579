"""Bitwise comparisons against numpy's spacing and differences by hand; overflows against the logarithm."""

import math

import numpy as np
import pytest
import torch

from actbench.catalogue.identities import DTYPES, compare, identities, inputs, overflows, ulps

pytestmark = pytest.mark.xdist_group("identities")  # the table is made once
ALL = {torch.float16: 2 * 31 * 1024, torch.bfloat16: 2 * 255 * 128}  # signs, finite exponents, mantissas


@pytest.fixture(scope="module")
def table():
    torch.set_num_threads(1)
    return identities().set_index(["identity", "dtype"])


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_are_finite_and_sorted_and_include_the_named_points(dtype):
    z = inputs(dtype)
    assert z.isfinite().all()
    assert z.diff().ge(0).all()
    assert (z == 0).sum() == 2  # 0 and −0
    assert {-100.0, -20.0, 1.0, 88.0, 89.0, 100.0} <= set(z[z.abs() <= 100].tolist())
    if dtype in ALL:
        assert len(z) == ALL[dtype]
    else:
        assert len(z) > 2**20
        assert set(inputs(torch.float16).tolist()) <= set(z.tolist())
        num_binades = 255 if dtype == torch.float32 else 2047
        assert ((z >= 2.0**-100) & (z < 2.0**-99)).sum() >= 2**19 // num_binades


@pytest.mark.parametrize(("dtype", "kind"), [(torch.float64, np.float64), (torch.float32, np.float32)])
def test_ulps_count_the_values_between(dtype, kind):
    a = np.array([1.0, -1.0, 1e-40, 0.0, 3e5, 0.0], dtype=kind)
    b = np.nextafter(a, kind(np.inf))
    assert ulps(torch.from_numpy(a), torch.from_numpy(b)).tolist() == [1] * 6
    tiny = np.nextafter(kind(0), kind(1))
    across = ulps(torch.tensor([-tiny, -0.0, 1.0], dtype=dtype), torch.tensor([tiny, 0.0, 2.0], dtype=dtype))
    assert across.tolist() == [2, 0, 2 ** (np.finfo(kind).nmant)]
    top = torch.finfo(dtype).max
    expected = 2 * int(np.array(top, dtype=kind).view(f"u{kind().itemsize}"))
    assert int(ulps(torch.tensor([-top], dtype=dtype), torch.tensor([top], dtype=dtype))[0]) == expected


def test_a_comparison_agrees_with_one_by_hand():
    z = torch.tensor([-2.0, 0.0, 1.0, 4.0, 200.0, 300.0], dtype=torch.float64)
    off = torch.tensor([0.0, 0.0, 2.0**-52, 2.0**-49, 2.0**-40, 0.0], dtype=torch.float64)
    assert compare(lambda z: z, lambda z: z + off, z) == {
        "num": 6, "num_different": 3, "max_ulp": 32.0, "place": 200.0, "max_abs_difference": 2.0**-49,
    }  # fmt: skip
    signs = compare(lambda z: 0 * z, torch.zeros_like, z)
    assert (signs["num_different"], signs["max_ulp"], signs["max_abs_difference"]) == (1, 0.0, 0.0)
    assert math.isnan(signs["place"])
    assert compare(lambda z: z / 0, lambda z: z / 0, z)["num_different"] == 0  # nan on both sides


def test_identical_functions_agree_up_to_rounding(table):
    """On |z| <= 100 the sides differ by a few spacings at 100 (2^-17 in float32), apart from softplus' threshold."""
    smooth = table[~table.index.get_level_values(0).str.startswith("softplus")]
    for (_, dtype), row in smooth.iterrows():
        assert row["max_abs_difference"] <= 128 * torch.finfo(getattr(torch, dtype)).eps
    slopes = table[table.index.get_level_values(0).str.startswith("softplus")]
    for (_, dtype), row in slopes.iterrows():
        beyond_the_threshold = 1 / (1 + math.exp(20))
        assert row["max_abs_difference"] <= beyond_the_threshold + 2 * torch.finfo(getattr(torch, dtype)).eps


@pytest.mark.parametrize("title", ["celu(1) = elu(1)", "hardtanh(−∞, ∞) = identity"])
def test_identical_computations_agree_in_every_bit(title, table):
    assert (table.loc[title, ["num_different", "max_ulp", "max_abs_difference"]] == 0).all().all()


def test_leaky_relu_without_a_slope_differs_from_relu_only_in_the_sign_of_zero(table):
    rows = table.loc["leaky_relu(0) = relu"]
    assert (rows["max_ulp"] == 0).all()
    for dtype in DTYPES:
        assert rows.loc[str(dtype).removeprefix("torch."), "num_different"] == (inputs(dtype) < 0).sum()


def test_the_table_has_every_claim_in_every_type(table):
    assert set(table["claim"]) == {"C07", "C08", "C10", "C11", "C17", "C19", "C20", "C21", "C22", "C23"}
    assert (table.groupby(level=0).size() == 4).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_naive_softplus_overflows_where_the_exponential_does(dtype):
    """e^z rounds to a finite number below max + half a spacing; z is the largest value of its type below the log."""
    info = torch.finfo(dtype)
    largest = float(info.max) if dtype == torch.float64 else info.max * (1 + info.eps / 4)
    spacing = info.eps * 2.0 ** math.floor(math.log2(math.log(largest)))
    expected = math.floor(math.log(largest) / spacing) * spacing
    limits = overflows().set_index(["form", "dtype"])["largest_finite"].xs(str(dtype).removeprefix("torch."), level=1)
    assert limits["log(1 + e^z)"] == pytest.approx(expected, abs=spacing / 2)
    assert limits["softplus(z), threshold = ∞"] >= limits["log(1 + e^z)"]
    assert limits["softplus(z), threshold = 20"] == info.max
