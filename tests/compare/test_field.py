"""A single run among the variants of a sweep: its place, and the comparisons with the reference and the best."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic
from pages import concatenated

from actbench.compare import field
from actbench.tables.bits import pack
from actbench.tables.schema import Tables

FOLDS = {"track": "shared", "data.num_folds": 5}  # no seed shares its test images with another
SWEEP = ["relu", "tanh", "gelu", "silu"]
LOOKS = "[6, 10, 20]"


def run_of(name: str, errors: np.ndarray | list[float], *, first_seed: int = 0, **config) -> Tables:
    """A single run with these test errors."""
    config = FOLDS | {"looks": LOOKS} | config
    tables = synthetic.tables([name], seeds=len(errors), first_seed=first_seed, depth=1, epochs=1, **config)
    return tables._replace(runs=tables.runs.assign(run_id=f"own {name}", test_accuracy=1 - np.asarray(errors)))


def sweep_of(names: list[str], *, seeds: int = 20, **config) -> pd.DataFrame:
    return synthetic.tables(names, seeds=seeds, depth=1, epochs=1, **FOLDS | config).runs


def errors_in(sweep: pd.DataFrame, name: str, seeds: range) -> np.ndarray:
    rows = sweep[(sweep["act"] == name) & sweep["seed"].isin(seeds)].sort_values("seed")
    return 1 - rows["test_accuracy"].to_numpy()


def place(run: Tables, others: pd.DataFrame) -> field.Place:
    reached = field.result(run)
    assert reached is not None
    found = field.place(run, reached, field.compared(others, run.runs))
    assert found is not None
    return found


def test_the_place_is_among_the_means_on_the_seeds_of_the_run():
    sweep, seeds = sweep_of(SWEEP), range(3, 13)
    means = {name: errors_in(sweep, name, seeds).mean() for name in SWEEP}
    between = sorted(means.values())[1:3]
    run = run_of("mine", np.full(10, np.mean(between)) + 0.001 * np.arange(10) - 0.0045, first_seed=3)
    found = place(run, sweep)
    assert found.order == tuple(
        sorted(means | {"mine": np.mean(between)}, key=(means | {"mine": np.mean(between)}).get)
    )
    assert (found.rank, found.seeds, found.num_lacking) == (3, tuple(seeds), 0)
    assert found.best == min(means, key=means.get)


def test_the_comparison_with_the_reference_is_one_t_test_at_the_level_of_the_look():
    sweep = sweep_of(SWEEP)
    base = errors_in(sweep, "relu", range(10))
    errors = 1.5 * base + 0.01 * scipy.stats.norm.ppf((np.arange(10) + 0.5) / 10)[[3, 0, 7, 9, 5, 1, 8, 2, 6, 4]]
    row = place(run_of("mine", errors, looks="[10, 20, 40]"), sweep).reference
    assert row is not None
    assert (row["variant"], row["n"], row["look"], row["alpha"]) == ("mine", 10, 10, 0.01)  # of .01, .015 and .025
    assert row["verdict"] == "worse"
    ratio = errors.mean() / base.mean()
    half = scipy.stats.t.ppf(1 - 0.01 / 2, 9) * scipy.stats.sem(errors - ratio * base) / base.mean()
    assert [row[name] for name in ("change", "low", "high")] == pytest.approx(
        [ratio - 1, ratio - 1 - half, ratio - 1 + half]
    )
    points = 100 * (errors - base)
    half = scipy.stats.t.ppf(1 - 0.01 / 2, 9) * scipy.stats.sem(points)
    assert row["points"] == pytest.approx((points.mean(), points.mean() - half, points.mean() + half, 10))
    assert row["p_holm"] == pytest.approx(scipy.stats.ttest_rel(errors, base).pvalue)  # a family of one


def test_where_all_seeds_share_their_test_images_these_widen_the_interval():
    """Two runs whose errors on each seed differ by the same: all that varies is which images the test set holds."""
    shared = {"data.num_folds": None, "looks": "[10, 20, 40]"}
    right = np.arange(200) >= 20
    runs = {
        name: synthetic.tables([name], seeds=10, depth=1, epochs=1, **FOLDS | shared).runs.assign(
            test_accuracy=1 - wrong.mean(), num_test_images=200.0, test_right=[pack(~wrong)] * 10, run_id=name
        )
        for name, wrong in {"relu": ~right, "mine": ~right | (np.arange(200) >= 190)}.items()
    }
    tables = synthetic.tables(["mine"], seeds=10, depth=1, epochs=1, **FOLDS | shared)
    row = place(tables._replace(runs=runs["mine"]), runs["relu"]).reference
    assert row is not None
    by_image = 100 * (np.arange(200) >= 190)  # the error of mine less that of relu, in points
    half = scipy.stats.t.ppf(1 - 0.01 / 2, 9) * scipy.stats.sem(by_image)
    assert row["points"][:3] == pytest.approx((5.0, 5.0 - half, 5.0 + half))


def test_a_run_stands_for_itself_where_the_sweep_has_measured_its_function():
    sweep = sweep_of(SWEEP)
    run = run_of("tanh", [0.5] * 10, **{"act.slope": 1.0})
    assert place(run, sweep.assign(**{"act.slope": np.where(sweep["act"] == "tanh", 1.0, np.nan)})).rank == 4
    assert len(place(run, sweep.assign(**{"act.slope": np.where(sweep["act"] == "tanh", 2.0, np.nan)})).order) == 5


def test_the_reference_and_the_best_are_not_compared_with_themselves():
    sweep = sweep_of(["relu", "tanh"])
    best = place(run_of("mine", [0.001] * 10), sweep)
    assert (best.rank, best.against_best) == (1, None)
    assert place(run_of("relu", [0.3] * 10), sweep).reference is None
    worst = place(run_of("mine", [0.4] * 10), sweep)
    assert worst.best in ("relu", "tanh")
    assert (worst.against_best is None) == (worst.best == "relu")


def test_a_variant_that_lacks_a_seed_has_no_place():
    sweep = sweep_of(SWEEP)
    found = place(run_of("mine", [0.1] * 10), sweep[(sweep["act"] != "gelu") | (sweep["seed"] > 2)])
    assert "gelu" not in found.order
    assert (len(found.order), found.num_lacking) == (4, 1)


@pytest.mark.parametrize(
    ("others", "keys"),
    [({"optim.lr": 0.3}, ("optim.lr=0.1", "optim.lr=0.3")), ({"norm": "batch"}, ("norm=none", "norm=batch"))],
)
def test_another_workload_is_no_field_and_what_differs_is_known(others, keys):
    run, sweep = run_of("mine", [0.1] * 10), sweep_of(SWEEP, **others)
    reached = field.result(run)
    assert reached is not None
    assert field.place(run, reached, sweep) is None
    assert field.differing(run, sweep) == keys


def test_other_seeds_are_no_field_but_the_same_workload():
    run, sweep = run_of("mine", [0.1] * 10, first_seed=100), sweep_of(SWEEP)
    reached = field.result(run)
    assert reached is not None
    assert field.place(run, reached, sweep) is None
    assert field.differing(run, sweep) == ("", "")


def test_a_run_of_the_same_function_is_of_the_same_workload():
    assert field.differing(run_of("relu", [0.1] * 10), sweep_of(["relu"])) == ("", "")


def test_what_a_run_reached_counts_the_seeds_that_learned_nothing():
    run = run_of("mine", [0.1] * 10, **{"data.num_classes": 10})
    reached = field.result(run._replace(runs=run.runs.assign(test_loss=[0.3] * 8 + [2.3, 2.4])))
    assert reached is not None
    assert (reached.name, reached.value, reached.shown, reached.lost) == ("mine", "test_error", "test_accuracy", 2)
    assert reached.mean.mean == pytest.approx(0.9)
    assert reached.looks.sizes == (6, 10, 20)


def test_a_run_without_a_measure_that_ranks_has_no_result():
    tables = run_of("mine", [0.1] * 3)
    names = [f"{split}_{name}" for split in ("val", "test") for name in ("loss", "accuracy")]
    assert field.result(concatenated(tables._replace(runs=tables.runs.assign(**dict.fromkeys(names, np.nan))))) is None
