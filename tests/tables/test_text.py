"""Values of a config as text: typed again they are the same values, and a stranger's text is one printable line."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.tables.text import one_line, text


@given(st.floats(allow_nan=False))
def test_a_float_has_all_its_digits(value):
    assert float(text(value)) == float(text(np.float64(value))) == value
    assert not text(value).endswith(".0")


@given(st.integers())
def test_an_integer_is_typed_alike_as_the_float_that_a_column_with_gaps_makes_of_it(value):
    assert text(value) == str(value)
    if abs(value) < 10**15:
        assert text(float(value)) == text(value)


@given(st.lists(st.integers() | st.booleans()))
def test_a_list_is_one_of_json(values):
    assert json.loads(text(values)) == json.loads(text(tuple(values))) == values


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, np.float64("nan")])
def test_a_missing_value_is_empty(missing):
    assert text(missing) == ""


@given(st.text())
def test_a_strangers_text_is_one_printable_line(value):
    shown = one_line(value)
    assert text(value) == shown == one_line(shown)
    assert shown.isprintable()
    assert [c for c in shown if c != " "] == [c for c in value if c.isprintable() and c != " "]
