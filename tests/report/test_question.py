"""The question of a page, and what its experiment asks for that is not there yet."""

import pandas as pd
import pytest

from actbench.report import question


@pytest.mark.parametrize(
    ("name", "tracks", "unmeasured"),
    [
        ("mnist_mlp", ["shared"], ["tuned"]),
        ("mnist_mlp", ["tuned"], ["shared"]),
        ("mnist_mlp", ["shared", "tuned"], []),
        ("mnist_mlp_doubled", ["shared"], []),
        ("cifar10_conv", ["shared"], []),  # sweeps no track
        ("adhoc", ["shared"], []),  # no experiment
    ],
)
def test_a_track_that_is_not_measured_is_named(name, tracks, unmeasured):
    sentences = question.unmeasured(name, pd.DataFrame({"track": tracks}))
    assert len(sentences) == len(unmeasured)
    assert all(f" {track} " in sentence for track, sentence in zip(unmeasured, sentences, strict=True))
