"""f and f' at named points against closed forms, which are exact or have 50 digits."""

import numpy as np
import pytest
from mpmath import exp, log, mp, mpf, tanh

from actbench.catalogue.points import points

pytestmark = pytest.mark.xdist_group("functions")  # the table is made once
mp.dps = 50
DIGITS = {1.0: 0.1965664984852067, 20.0: 2.0601298444944405e-09}  # the sigmoid's gradient as the article prints it


def _sigmoid(z):
    return 1 / (1 + exp(-mpf(z)))


def _slope(z):
    return _sigmoid(z) * (1 - _sigmoid(z))


def _softplus(z, side, order):
    if side == "right":  # above the threshold it is linear
        return mpf(z) if order == 0 else mpf(1)
    return log(1 + exp(mpf(z))) if order == 0 else _sigmoid(z)


CLOSED_FORMS = {
    "binary_step": lambda row: int(row.order == 0 and row.side == "right"),
    "relu": lambda row: int(row.side == "right"),
    "relu6": lambda row: int((row.z, row.side) in {(0, "right"), (6, "left")}),
    "elu": lambda row: mpf(row.setting) if row.side == "left" else 1,
    # torch's derivative of CELU divides by alpha in float32: e^(z/alpha) alpha/fl(alpha) instead of 1 at 0.
    "celu": lambda row: mpf(row.setting) / mpf(float(np.float32(row.setting))) if row.side == "left" else 1,
    "sigmoid": lambda row: _slope(row.z) if row.quantity == "value" else _quotient(row.z, row.h),
    "tanh": lambda row: 1 - tanh(mpf(row.z)),
    "softsign": lambda row: 1 / (1 + mpf(row.z)),
    "softplus": lambda row: _softplus(row.z, row.side, row.order),
}


def _quotient(z, h):
    return (_sigmoid(mpf(z) + mpf(h)) - _sigmoid(z)) / mpf(h)


@pytest.fixture(scope="module")
def table():
    return points()


def test_every_point_is_its_closed_form_within_its_error(table):
    assert set(table["function"]) == set(CLOSED_FORMS)
    for row in table[table["quantity"] != "jump"].itertuples():
        assert abs(mpf(row.value) - CLOSED_FORMS[row.function](row)) <= row.error, row
        assert row.error < 1e-11


@pytest.mark.parametrize("z", DIGITS)
def test_the_articles_digits_are_a_forward_difference_and_not_the_derivative(z, table):
    rows = table[(table["function"] == "sigmoid") & (table["z"] == z)].set_index("quantity")
    assert rows.loc["forward_difference", "value"] == DIGITS[z]
    assert rows.loc["forward_difference", "h"] == 1e-3
    assert abs(rows.loc["value", "value"] - DIGITS[z]) > 100 * rows.loc["value", "error"]


def test_the_derivative_of_elu_jumps_by_1_minus_alpha_and_that_of_celu_by_the_rounding_of_alpha(table):
    jumps = table[(table["quantity"] == "jump") & (table["parameter"] == "alpha")].set_index(["function", "setting"])
    for alpha in (0.01, 0.1, 0.5, 1.0, 2.0):
        assert jumps.loc[("elu", alpha), "value"] == pytest.approx(1 - alpha, abs=1e-15)
        assert abs(jumps.loc[("celu", alpha), "value"]) <= 2.0**-24


def test_softplus_falls_at_its_threshold_by_the_neglected_term(table):
    jumps = table[(table["function"] == "softplus") & (table["quantity"] == "jump") & (table["order"] == 0)]
    for row in jumps.itertuples():
        assert abs(mpf(row.value) + log(1 + exp(-mpf(row.z)))) <= row.error < 1e-13


def test_every_jump_has_rows_for_both_sides(table):
    keys = ["function", "parameter", "setting", "order", "z"]
    filled = table.fillna({"setting": -1})
    sided = filled[(filled["side"] != "") | (filled["quantity"] == "jump")]
    assert all(sides == ["", "left", "right"] for sides in sided.groupby(keys)["side"].apply(sorted))
    assert not filled.duplicated([*keys, "quantity", "side"]).any()
