"""The procedure on numbers with a known truth: many families at once, its error, its power, its intervals."""

import numpy as np
import pytest
from invented import rng

from actbench.compare import selftest
from actbench.compare.looks import USUAL, Looks
from actbench.compare.selftest import (
    centred,
    comparison,
    coverage,
    decide_many,
    exchanged,
    family_error,
    one_end,
    share_decided,
    table,
    two_ends,
)
from actbench.compare.sequential import decide
from actbench.compare.statements import Atom, Case


@pytest.mark.parametrize("ends", ["one", "two"])
def test_many_families_are_decided_as_one_by_one(ends) -> None:
    values = rng(1).normal(size=(30, 4, 40)) + np.array([0.3, 0.6, -0.5, 0.0])[:, None]
    test = one_end(values) if ends == "one" else two_ends(values, 0.5)
    verdicts, sizes = decide_many(test, USUAL)
    words = {"true": 1, "false": -1, "undecided": 0}
    for family, found, looks in zip(values, verdicts, sizes, strict=True):
        interval = (-np.inf, 0.0) if ends == "one" else (-0.5, 0.5)
        atoms = [Atom(str(i), (Case.inside(each, *interval),)) for i, each in enumerate(family)]
        outcomes = decide(atoms, USUAL)
        assert [words[outcome.verdict] for outcome in outcomes] == found.tolist()
        assert [outcome.n for outcome in outcomes] == looks.tolist()


def test_an_exchange_finds_nothing_however_large_the_effect() -> None:
    """The reference is far better than all others."""
    reference = 0.1 + 0.02 * rng(9).normal(size=12)
    others = 0.5 + 0.1 * rng(0).normal(size=(6, 12))
    found = exchanged(others, reference, Looks((6, 12)), rng=rng(), draws=2000)
    assert 0 < found <= 0.06


def test_the_exchange_does_not_depend_on_the_size_of_a_chunk() -> None:
    reference, others = 0.1 + 0.02 * rng(9).normal(size=12), 0.12 + 0.03 * rng(0).normal(size=(6, 12))
    assert exchanged(others, reference, Looks((6, 12)), rng=rng(), draws=50) <= 0.2


def test_a_comparison_of_many_is_that_of_errors_and_of_logarithms() -> None:
    a, b = np.full((1, 1, 10), 0.05) + 1e-4 * rng(0).normal(size=10), 0.1 + 1e-4 * rng(1).normal(size=(1, 1, 10))
    for ends_of, values in ((selftest.of_errors, (a, b)), (selftest.of_logarithms, (np.log(a), np.log(b)))):
        p, q = comparison(*values, ends_of=ends_of)(10)
        assert p.item() > 0.99
        assert q.item() < 1e-6


def test_real_differences_centred_on_the_end_are_called_below_rarely() -> None:
    differences = rng(3).normal(size=(4, 20)) + 5
    assert centred(differences, USUAL, rng=rng(), draws=1000) <= 0.09  # 20 seeds drawn 40 times are no new seeds


def test_the_table_has_a_row_for_error_power_and_coverage() -> None:
    found = table(rng=rng(), draws=200, contrasts=[rng(1).normal(size=(3, 20))])
    assert list(found) == ["what", "setting", "aim", "n = 10", "n = 20", "n = 40"]
    assert found["what"].nunique() == 3
    shares = found[["n = 10", "n = 20", "n = 40"]]
    assert ((shares >= 0) & (shares <= 1) | shares.isna()).all(axis=None)
    assert shares["n = 40"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["no worse", "equivalent"])
@pytest.mark.parametrize("spread", [0.5, 1.0, 1.6])
def test_the_family_wise_error_stays_below_five_percent(claim, spread) -> None:
    assert family_error(claim, spread=spread, rng=rng(1), draws=20_000)[-1] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)


@pytest.mark.slow
def test_power_is_what_was_planned_with() -> None:
    """Four atoms, true difference 0: statistics.md's table is of Bonferroni's level, Holm can only do better."""
    planned = {
        ("no worse", 1.0): (0.3, 0.94, 1.0), ("equivalent", 1.0): (0.06, 0.86, 1.0),
        ("no worse", 1.6): (0.07, 0.41, 0.93), ("equivalent", 1.6): (0.0, 0.04, 0.84),
    }  # fmt: skip
    for (claim, spread), least in planned.items():
        found = share_decided(claim, difference=0.0, spread=spread, rng=rng(2), draws=5000)
        assert (np.array(found) >= np.array(least) - 0.02).all(), (claim, spread, found)


@pytest.mark.slow
def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    found = coverage(rng=rng(3), draws=50_000)
    assert found == pytest.approx([1 - alpha for alpha in USUAL.alphas], abs=0.003)


@pytest.mark.slow
def test_skewed_differences_break_the_level_and_the_table_says_so() -> None:
    """Lognormal differences towards the claimed side: doubling a skewed p is not enough, which the ledger prints."""
    found = family_error("no worse", spread=1.0, rng=rng(4), draws=20_000, draw=selftest.lognormal)
    assert 0.1 < found[-1] < 0.2
