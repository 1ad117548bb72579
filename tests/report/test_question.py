"""The question of a page, and what its experiment asks for that is not there yet."""

import pandas as pd
import pytest

from actbench.report import question


@pytest.mark.parametrize(
    ("name", "acts", "unmeasured"),
    [
        ("mnist_mlp", {"shared": ["relu"]}, ["tuned"]),
        ("mnist_mlp", {"tuned": ["relu"]}, ["shared"]),
        ("mnist_mlp", {"shared": ["relu"], "tuned": ["relu"]}, []),
        ("mnist_mlp", {"shared": ["relu", "tanh"], "tuned": ["relu"]}, ["tuned"]),
        ("mnist_mlp", {"shared": ["relu"], "tuned": ["tanh"]}, ["shared", "tuned"]),
        ("mnist_mlp_doubled", {"shared": ["relu"]}, []),
        ("cifar10_conv", {"shared": ["relu"]}, []),  # sweeps no track
        ("adhoc", {"shared": ["relu"]}, []),  # no experiment
    ],
)
def test_a_track_that_lacks_functions_is_named(name, acts, unmeasured):
    runs = pd.DataFrame([(track, act) for track, names in acts.items() for act in names], columns=["track", "act"])
    sentences = question.unmeasured(name, runs)
    assert len(sentences) == len(unmeasured)
    assert all(f" {track} " in sentence for track, sentence in zip(unmeasured, sentences, strict=True))


def test_of_a_track_that_is_begun_it_is_said_how_far():
    runs = pd.DataFrame({"track": ["shared"] * 3 + ["tuned"], "act": ["relu", "tanh", "mish", "relu"]})
    (sentence,) = question.unmeasured("mnist_mlp", runs)
    assert " 1 of 3 functions" in sentence
