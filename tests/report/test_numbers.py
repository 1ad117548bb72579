"""Numbers as a reader sees them; intervals of means and p-values are tested beside what is computed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.report.numbers import bracketed, correlation, error_bound, fixed, percent, rounded

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1234.5, 2, "1,234.50"), (-0.126, 2, "−0.13"), (-0.004, 2, "0.00"), (2.5, 0, "2"), (NAN, 2, "–"),
        (INF, 2, "∞"), (-INF, 2, "−∞"), (12_000, 0, "12,000"),
    ],
)  # fmt: skip
def test_a_number_with_so_many_decimals(value, places, text):
    assert fixed(value, places) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (5.0, 3, "5"), (0.012345, 3, "0.0123"), (12.345, 3, "12.3"), (1234.5, 3, "1,234"), (123.4, 2, "123"),
        (-1234567.8, 6, "−1,234,568"), (0.25, 6, "0.25"), (-0.16997120747, 9, "−0.169971207"), (INF, 9, "∞"),
        (-INF, 9, "−∞"), (NAN, 3, ""), (0, 3, "0"), (-0.0, 3, "0"), (-1.5e-9, 3, "−1.5e−09"), (1e300, 6, "1e300"),
    ],
)  # fmt: skip
def test_a_number_to_so_many_digits(value, digits, text):
    assert rounded(value, digits) == text


@given(st.floats(-1e12, 1e12), st.integers(1, 9))
def test_a_rounded_number_is_near_the_number(value, digits):
    near = float(rounded(value, digits).replace(",", "").replace("−", "-"))
    assert abs(near - value) <= max(abs(value) * 10.0 ** (1 - digits) / 2, 0) * (1 + 1e-9)


def test_intervals_shares_and_bounds():
    assert bracketed(5.2, 5.04, 5.4) == "5.2 [5.04, 5.4]"
    assert bracketed(0.035, 0.0123, 0.06, digits=2) == "0.035 [0.012, 0.06]"
    assert bracketed(5.2, NAN, NAN) == "5.2"
    assert bracketed(NAN, NAN, NAN) == ""
    assert correlation(0.271, -0.09, 0.4549) == "0.27 [−0.09, 0.45]"
    assert [percent(0.0456, 1), percent(0.998)] == ["4.6\u202f%", "100\u202f%"]
    assert [percent(-0.04), percent(-0.001)] == ["−4\u202f%", "0\u202f%"]
    assert [error_bound(error) for error in (3.4e-8, 0.0, NAN, np.float64(1e-300))] == ["3e-08", "", "", "1e-300"]
