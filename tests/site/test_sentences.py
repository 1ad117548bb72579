"""The sentences about a function hold its numbers, as closed forms have them; the rest is words."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from invented_site import PUBLISHED

from actbench.site import sentences
from actbench.tables import functions
from actbench.tables.functions import Facts

GROUPS = {name: Facts(frame) for name, frame in functions.read(PUBLISHED, "properties").groupby("function")}
# The numbers of each sentence: range and extrema; jumps and kinks; the slope, its place, 1 % of it, and where.
NUMBERS = {
    "relu": ([0], [0], [1, 0, 1, 0]),
    "relu6": ([0, 6], [0, 6], [1, 0, 6, 1, 0, 6]),
    "sigmoid": ([0, 1], [3], [0.25, 0, 1, -5.9864, 5.9864]),
    "hardswish": ([-0.375, -0.375, -1.5], [-3, 3], [1.5, 3, 1, -3]),
    "softplus": ([0], [3], [1, math.inf, 1, -math.log(99)]),
    "binary_step": ([0, 1], [0], [0]),
    "squared_relu": ([0], [0], [1, 0, 1, 0.01 * math.sqrt(2) / 2]),
}


def _numbers(sentence: str) -> list[float]:
    words = re.findall(r"−?(?:∞|\d+(?:\.\d+)?)", sentence)
    return [float(word.replace("−", "-").replace("∞", "inf")) for word in words]


@pytest.mark.parametrize("name", NUMBERS)
def test_the_sentences_have_the_numbers_of_the_function(name):
    said = [_numbers(sentence) for sentence in sentences.to_know(GROUPS[name])]
    assert [len(numbers) for numbers in said] == [len(numbers) for numbers in NUMBERS[name]]
    for numbers, expected in zip(said, NUMBERS[name], strict=True):
        np.testing.assert_allclose(numbers, expected, rtol=1e-4)


def test_the_place_of_saturation_is_where_a_hundredth_of_the_slope_is_left():
    z = _numbers(sentences.to_know(GROUPS["sigmoid"])[2])[-1]
    slope = 1 / (1 + math.exp(-z)) / (1 + math.exp(z))
    assert slope == pytest.approx(0.0025, rel=1e-4)


@pytest.mark.parametrize("name", GROUPS)
def test_every_function_has_three_sentences_that_end(name):
    said = sentences.to_know(GROUPS[name])
    assert len(said) == 3
    assert all(sentence[0].isupper() and sentence.endswith(".") and "nan" not in sentence for sentence in said)


def test_what_is_not_determined_is_said_with_the_reason():
    row = {"function": "f", "property": "all", "index": 0, "value": math.nan, "text": "not determined"}
    facts = Facts(pd.DataFrame([row | {"error": math.nan, "method": "two evaluations differ"}]))
    assert sentences.to_know(facts) == ["Its shape is not determined: two evaluations differ."]
