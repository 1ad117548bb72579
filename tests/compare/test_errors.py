"""Error rates by seed and image, and the statements about them."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from invented import error_runs, rng

from actbench.compare.errors import RULES, errors_of
from actbench.compare.looks import Looks
from actbench.compare.sequential import decide
from actbench.compare.statements import Atom
from actbench.tables.bits import pack

N = 200


def measured(rates: float, *, seed: int = 0, n: int = 10, **columns) -> pd.DataFrame:
    """Runs of one variant whose wrong images are drawn at a rate."""
    wrong = rng(seed).random((n, N)) < rates
    frame = error_runs({"a": wrong.mean(axis=1)}, num_test_images=float(N), **columns)
    return frame.assign(test_right=[pack(~row) for row in wrong])


def test_the_images_are_those_that_were_packed() -> None:
    frame = measured(0.2).sample(frac=1, random_state=0)
    errors = errors_of(frame, range(12))
    assert errors.rates[:10] == pytest.approx(frame.sort_values("seed")["test_error"])
    assert np.isnan(errors.rates[10:]).all()
    assert errors.num_images == N
    assert errors.wrong is not None
    assert errors.wrong[:10].mean(axis=1) == pytest.approx(errors.rates[:10])
    assert errors.known.tolist() == [True] * 10 + [False] * 2


@pytest.mark.parametrize("columns", [{"data.num_folds": 5}, {"data.num_test": 200}])
def test_seeds_with_other_test_images_share_none(columns) -> None:
    errors = errors_of(measured(0.2, **columns), range(10))
    assert (errors.wrong, errors.num_images) == (None, 0)
    assert RULES["no_worse"](errors, errors).bounds[0].images is None


def test_runs_without_bits_and_validation_errors_have_no_images() -> None:
    frame = measured(0.2)
    assert errors_of(frame.drop(columns="test_right"), range(10)).wrong is None
    assert errors_of(frame.assign(test_right=None), range(10)).wrong is None
    validation = errors_of(frame.assign(val_accuracy=0.75), range(10), split="val")
    assert validation.wrong is None
    assert validation.rates.tolist() == [0.25] * 10


def test_a_seed_that_diverged_has_an_error_and_no_images() -> None:
    frame = measured(0.2)
    frame.loc[3, "test_accuracy"], frame.loc[3, "test_right"] = 0.1, None
    errors = errors_of(frame, range(10))
    assert errors.rates[3] == pytest.approx(0.9)
    assert errors.known.tolist() == [seed != 3 for seed in range(10)]


@pytest.mark.parametrize(
    ("rule", "factors", "sides"),
    [
        ("no_worse", [1.1], ["less"]),
        ("equivalent", [1.1, 0.9], ["less", "greater"]),
        ("better", [0.9], ["less"]),
        ("worse", [1.1], ["greater"]),
    ],
)
def test_rules_are_t_tests_of_the_error_less_a_factor_of_the_references(rule, factors, sides) -> None:
    a, b = (measured(rate, seed=seed, **{"data.num_folds": 5}) for rate, seed in ((0.21, 1), (0.2, 2)))
    case = RULES[rule](*(errors_of(frame, range(10)) for frame in (a, b)))
    (outcome,) = decide([Atom("x", (case,))], Looks((10,)))
    first, second = a["test_error"].to_numpy(), b["test_error"].to_numpy()
    tests = zip(factors, sides, strict=True)
    p = [scipy.stats.ttest_1samp(first - f * second, 0, alternative=side).pvalue for f, side in tests]
    skewed = [abs(scipy.stats.skew(first - f * second)) > 1 for f in factors]
    assert outcome.p == pytest.approx(max(np.minimum(1, np.where(skewed, 2, 1) * p)))
    assert outcome.cases[0].mean == pytest.approx(first.mean() / second.mean() - 1)


def test_differs_is_the_contrary_of_equivalent_and_margins_are_given() -> None:
    a, b = (errors_of(measured(rate, seed=seed), range(10)) for rate, seed in ((0.3, 1), (0.2, 2)))

    def outcome(rule: str, *margin: float):
        return decide([Atom("x", (RULES[rule](a, b, *margin),))], Looks((10,)))[0]

    equal, differs = outcome("equivalent"), outcome("differs")
    assert (equal.p, equal.q) == (differs.q, differs.p)
    assert outcome("no_worse", 2.0).verdict == "true"
    assert outcome("at_least", 1.05).verdict == "true"
    assert outcome("lower").verdict == "false"
