"""The question of a page, and what its experiment asks for that is not there yet."""

import pandas as pd
import pytest

from actbench.report import question


@pytest.mark.parametrize(
    ("name", "acts", "unmeasured"),
    [
        ("mnist_cnn", {"shared": "all"}, ["tuned"]),
        ("mnist_cnn", {"tuned": "all"}, ["shared"]),
        ("mnist_cnn", {"shared": "all", "tuned": "all"}, []),
        ("mnist_cnn", {"shared": "all", "tuned": ["relu"]}, ["tuned"]),
        ("mnist_cnn", {"shared": ["relu"], "tuned": ["tanh"]}, ["shared", "tuned"]),
        ("mnist_cnn", {"shared": "all", "tuned": [*"abcdefghijklmnopq"]}, ["tuned"]),  # as many, but not its own
        ("mnist_mlp_doubled", {"shared": "all"}, []),
        ("cifar10_conv", {"shared": ["relu"]}, []),  # sweeps no track
        ("adhoc", {"shared": ["relu"]}, []),  # no experiment
    ],
)
def test_a_track_that_lacks_functions_is_named(name, acts, unmeasured):
    runs = _runs(name, acts)
    sentences = question.unmeasured(name, runs)
    assert len(sentences) == len(unmeasured)
    assert all(f" {track} " in sentence for track, sentence in zip(unmeasured, sentences, strict=True))


def test_of_a_track_that_is_begun_it_is_said_how_far():
    (sentence,) = question.unmeasured("mnist_cnn", _runs("mnist_cnn", {"shared": "all", "tuned": ["relu", "tanh"]}))
    assert " 2 of 17 functions" in sentence


def _runs(name, acts):
    named = {track: question.functions(name) if names == "all" else names for track, names in acts.items()}
    return pd.DataFrame([(track, act) for track, names in named.items() for act in names], columns=["track", "act"])
