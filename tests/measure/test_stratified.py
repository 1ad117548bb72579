"""Stratified splits and the digits' file are those of scikit-learn, which is imported here only."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from actbench.measure.data import digits
from actbench.measure.data.stratified import stratified_split


@given(st.lists(st.integers(2, 40), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_split_is_that_of_scikit_learn(counts, share, random_state):
    labels = np.random.default_rng(random_state).permutation(np.repeat(np.arange(len(counts)), counts))
    num_held_out = round(len(counts) + share * (len(labels) - 2 * len(counts)))
    rows = 10 * np.arange(len(labels))
    expected = train_test_split(rows, test_size=num_held_out, stratify=labels, random_state=random_state)
    split = stratified_split(rows, labels, num_held_out=num_held_out, random_state=random_state)
    for side, expected_side in zip(split, expected, strict=True):
        np.testing.assert_array_equal(side, expected_side)


@pytest.mark.parametrize(("labels", "num_held_out"), [([0, 0, 0, 1], 2), ([0, 0, 1, 1], 1), ([0, 0, 1, 1], 3)])
def test_a_side_that_cannot_hold_every_class_is_refused(labels, num_held_out):
    with pytest.raises(ValueError, match="of 4 examples cannot both hold all 2 classes"):
        stratified_split(np.arange(4), np.array(labels), num_held_out=num_held_out, random_state=0)


def test_digits_are_those_of_scikit_learn():
    source, expected = digits.load(), load_digits()
    assert source.images.dtype == torch.uint8
    np.testing.assert_array_equal(source.images[:, 0], expected.images)
    np.testing.assert_array_equal(source.labels, expected.target)
