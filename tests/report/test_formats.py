"""Numbers of every size: what is printed is the number to its last digit, with its sign, and readable."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actbench.compare.intervals import Interval
from actbench.report.numbers import number, p_value

NUMBER = r"−?\d{1,3}(?:,\d{3})*(?:\.\d+)?(?:e−?\d+)?"


def _read(text: str) -> tuple[float, float]:
    """The number in a text, and half of its last digit."""
    digits, _, exponent = text.replace(",", "").replace("−", "-").partition("e")
    scale = 10.0 ** int(exponent or 0)
    return float(digits) * scale, 0.5 * scale * 10.0 ** -len(digits.partition(".")[2])


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 99))
def test_an_interval_is_printed_to_the_digits_of_its_width(mean, below, above, n):
    interval = Interval(mean, mean - below, mean + above, n)
    match = re.fullmatch(rf"({NUMBER})(?: \[({NUMBER}), ({NUMBER})\])?", number(interval))
    assert match is not None
    mean_text, *bounds = match.groups()
    assert set(bounds) != {mean_text}  # an interval that says nothing is not printed
    for text, value in zip([mean_text, *(bound or mean_text for bound in bounds)], interval[:3], strict=True):
        printed, half = _read(text)
        assert abs(printed - value) <= half * (1 + 1e-6) + 1e-9 * abs(value) + 1e-300
        assert printed == 0 or math.copysign(1, printed) == math.copysign(1, value)
        assert not text.startswith("−0") or printed < 0  # no −0.00
        width = interval.high - interval.low
        assert half <= 0.05 * width * (1 + 1e-6) or width < 1e-4 or "e" in text


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e3))
def test_numbers_of_usual_size_are_not_scientific(mean, width):
    assert "e" not in number(Interval(mean, mean - width / 2, mean + width / 2, 9))


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_a_number_with_fixed_places_has_them(mean, places):
    text = number(Interval(mean, math.nan, math.nan, 1), places=places)
    assert len(text.partition(".")[2]) == places
    assert abs(_read(text)[0] - mean) <= 0.5 * 10.0**-places * (1 + 1e-6) + 1e-9


@given(st.integers(1, 30), st.integers(1, 30))
def test_the_number_of_seeds_stands_there_where_some_have_no_value(n, of):
    assume(n <= of)
    assert number(Interval(0.5, 0.4, 0.6, n), of=of).endswith(f" (n = {n})") == (n < of)


@given(st.floats(0, 1))
def test_a_p_value_is_never_printed_as_zero(p):
    text = p_value(p)
    assert text == "<0.001" if p < 0.001 else float(text) == pytest.approx(p, abs=0.0005000001)
