"""Whether twice the epochs change an error, against numbers computed by hand."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic

from actbench.compare.convergence import doubled, is_converged, is_shown, of_workloads
from actbench.compare.workloads import workloads
from actbench.tables.schema import Tables


def _runs(rows: list[tuple], value: str = "val_accuracy") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["variant", "seed", "train.epochs", value])
    return frame.assign(**{name: np.nan for name in ("val_accuracy", "val_fld") if name != value}, status="done")


def test_the_change_is_of_the_mean_error_over_the_seeds_that_have_both():
    rows = [("relu", 1000, 4, 0.9), ("relu", 1001, 4, 0.8), ("relu", 1002, 4, 0.1)]
    rows += [("relu", 1000, 8, 0.92), ("relu", 1001, 8, 0.82)]
    table = doubled(_runs(rows))
    row = table.loc[0]
    assert (row["variant"], row["epochs"], row["n"]) == ("relu", 4, 2)
    assert (row["error"], row["error_doubled"]) == (pytest.approx(0.15), pytest.approx(0.13))
    assert row["change"] == pytest.approx(0.13 / 0.15 - 1)
    assert not is_converged(table)


def test_a_network_has_converged_where_no_variant_changes_by_a_tenth():
    rows = [(act, 1000, epochs, 1 - error) for act, errors in (("relu", (0.1, 0.091)), ("tanh", (0.1, 0.109)))
            for epochs, error in zip((4, 8), errors, strict=True)]  # fmt: skip
    assert is_converged(doubled(_runs(rows)))
    assert not is_converged(doubled(_runs([*rows, ("gelu", 1000, 4, 0.9), ("gelu", 1000, 8, 0.911)])))


def test_the_interval_is_students_of_the_differences_over_the_mean_error():
    usual, twice = np.array([0.10, 0.12, 0.14]), np.array([0.11, 0.10, 0.12])
    rows = [("relu", 1000 + seed, epochs, 1 - error) for epochs, errors in ((4, usual), (8, twice))
            for seed, error in enumerate(errors)]  # fmt: skip
    table = doubled(_runs(rows))
    interval = scipy.stats.ttest_rel(twice, usual).confidence_interval()
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([end / usual.mean() for end in interval])
    assert not is_shown(table)
    assert doubled(_runs(rows[::3]))[["low", "high"]].isna().all(axis=None)


def test_a_gan_is_judged_by_its_distance():
    table = doubled(_runs([("relu", 1000, 14, 2.0), ("relu", 1000, 28, 1.5)], "val_fld"))
    assert table["change"].tolist() == [pytest.approx(-0.25)]


def test_a_failed_run_and_a_variant_with_one_number_of_epochs_are_left_out():
    runs = _runs([("relu", 1000, 4, 0.9), ("relu", 1000, 8, 0.9), ("tanh", 1000, 4, 0.9)])
    assert doubled(runs)["variant"].tolist() == ["relu"]
    assert not len(doubled(runs.assign(status="failed")))


def test_seeds_that_have_one_number_of_epochs_are_not_compared():
    assert not len(doubled(_runs([("relu", 0, 4, 0.9), ("relu", 1000, 8, 0.95)])))


@pytest.mark.parametrize(("config", "is_asked"), [({}, True), ({"optim.lr": 0.01}, False), ({"model.depth": 6}, False)])
def test_only_the_epochs_may_differ(config, is_asked):
    usual, twice = (
        synthetic.tables(["relu"], seeds=2, depth=1, epochs=1, **{"train.epochs": epochs} | also)
        for epochs, also in ((25, {}), (50, config))
    )
    works = workloads(Tables(*(pd.concat(frames, ignore_index=True) for frames in zip(usual, twice, strict=True))))
    assert bool(len(of_workloads(works))) == is_asked
