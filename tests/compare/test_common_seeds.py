"""What ranks variants takes the seeds that all have, after more seeds were measured of some."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from invented import error_runs, rng

from actbench.compare import by_seed
from actbench.compare.comparison import compare_workload
from actbench.compare.tracks import compare_tracks, harmed, track_agreements
from actbench.compare.workloads import workloads
from actbench.tables.schema import Tables


def uneven() -> pd.DataFrame:
    """Looks at 4 and 8 seeds: relu and a have 8, b was decided at 4, c has 5, d lacks one, e failed on one."""
    frame = error_runs({name: rng(i).uniform(size=8) for i, name in enumerate(["relu", *"abcde"])}, looks="[4, 8]")
    sizes = frame["variant"].map({"b": 4, "c": 5}).fillna(8)
    lacks = (frame["variant"] == "d") & (frame["seed"] == 2)
    failed = (frame["variant"] == "e") & (frame["seed"] == 6)
    return frame.assign(status=np.where(failed, "failed", frame["status"]))[(frame["seed"] < sizes) & ~lacks]


def test_the_seeds_are_those_that_all_have_who_have_the_first_look() -> None:
    common = by_seed.on_common_seeds(uneven(), reference="relu")
    assert sorted(common["variant"].unique()) == ["a", "b", "c", "e", "relu"]
    assert common.groupby("variant")["seed"].agg(list).map(tuple).unique().tolist() == [(0, 1, 2, 3)]
    assert set(by_seed.on_common_seeds(uneven().query("variant != 'b'"), reference="relu")["seed"]) == {0, 1, 2, 3, 4}


def test_runs_with_the_same_seeds_stay_as_they_are() -> None:
    frame = error_runs({"relu": np.ones(3), "a": np.ones(3)})  # fewer seeds than the first look
    pd.testing.assert_frame_equal(by_seed.on_common_seeds(frame, reference="relu"), frame)


def settled(**config) -> Tables:
    """Ten seeds of three variants but for gelu, which has the first six, by looks at 6 and 10."""
    tables = synthetic.tables(["relu", "gelu", "tanh"], seeds=10, depth=2, epochs=1, **config)
    late = tables.runs[(tables.runs["act"] == "gelu") & (tables.runs["seed"] >= 6)]
    keys = pd.MultiIndex.from_frame(late[["run_id", "seed"]])
    return Tables(*(frame[~pd.MultiIndex.from_frame(frame[["run_id", "seed"]]).isin(keys)] for frame in tables))


def test_a_variant_that_was_decided_early_is_ranked_with_the_others() -> None:
    tables = settled()
    tables = tables._replace(runs=tables.runs.assign(steps_to_target=100.0))
    (work,) = workloads(tables)
    comparison = compare_workload(work)
    assert comparison is not None
    assert sorted(comparison.ranks["variant"]) == ["gelu", "relu", "tanh"]
    assert comparison.ranks["n"].unique().tolist() == [6]
    first = tables.runs[tables.runs["seed"] < 6].assign(error=lambda runs: 1 - runs["test_accuracy"])
    expected = first.groupby("act")["error"].mean().rank()
    assert comparison.ranks.set_index("variant")["rank"].to_dict() == expected.to_dict()
    assert (comparison.profile["share"] == 1).all()  # all reach the target at once, on every seed that they have


def test_tracks_are_compared_on_the_seeds_that_both_have_of_all() -> None:
    shared, tuned = settled(track="shared"), settled(track="tuned", init="matched")
    works = workloads(Tables(*(pd.concat(pair, ignore_index=True) for pair in zip(shared, tuned, strict=True))))
    ((_, _, agreement),) = track_agreements(works)
    assert (agreement.n, agreement.num_seeds) == (3, 6)
    means = agreement.variants.set_index("variant")["mean_shared"]
    first = shared.runs[shared.runs["seed"] < 6]
    assert means.to_dict() == pytest.approx((1 - first.groupby("act")["test_accuracy"].mean()).to_dict())
    later = tuned._replace(runs=tuned.runs.assign(seed=tuned.runs["seed"] + 50))
    works = workloads(Tables(*(pd.concat(pair, ignore_index=True) for pair in zip(shared, later, strict=True))))
    assert track_agreements(works) == []  # no seed in common


def test_whether_tuning_was_worse_is_asked_of_all_on_the_same_seeds() -> None:
    frame = uneven().rename(columns={"test_error": "val_error"})
    table = harmed(frame, frame.query("seed < 7"))
    assert table.set_index("variant")["n"].to_dict() == dict.fromkeys(["a", "b", "c", "e", "relu"], 4)


def test_two_tracks_share_their_draws() -> None:
    frame = error_runs({name: rng(i).uniform(size=12) for i, name in enumerate(["relu", *"abcde"])})
    agreement = compare_tracks(
        frame, frame.sample(frac=1, random_state=1), value="test_error", rng=rng(), resamples=100
    )
    assert (agreement.tau, agreement.low, agreement.high, agreement.num_seeds) == (1, 1, 1, 12)
