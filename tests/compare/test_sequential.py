"""Atoms decided at looks: their tests, partial conjunction, Holm, and what later seeds may change."""

from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import rng
from statsmodels.stats.multitest import multipletests

from actbench.compare.looks import Looks
from actbench.compare.sequential import Outcome, decide, is_open, partial_conjunction
from actbench.compare.statements import Atom, Bound, Case
from actbench.compare.tails import Change, Images, t_interval

LOOKS = Looks((10, 20, 40))
ONE = Looks((10,))


def atom(*values: np.ndarray, low: float = 0.0, high: float = np.inf, needs="all", name: str = "a", **keys) -> Atom:
    return Atom(name, tuple(Case.inside(each, low, high, **keys) for each in values), needs)


def normal(seed: int, mean: float = 0.0, n: int = 10) -> np.ndarray:
    """Values whose skewness is small, so that no p counts twice."""
    quantiles = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    return mean + rng(seed).permutation(quantiles)


@pytest.mark.parametrize("sizes", [(), (10, 10), (20, 10), (1, 10), (2, 3, 4, 5, 6)])
def test_looks_that_are_none(sizes):
    with pytest.raises(ValueError, match="one to four ascending"):
        Looks(sizes)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_looks_share_five_percent(count):
    assert sum(Looks(tuple(range(10, 10 + count))).alphas) == pytest.approx(0.05)


def test_atoms_and_sets_that_are_none():
    case = Case.inside(normal(0), low=0)
    for needs, cases in (("some", (case,)), ("any", (case, case)), ("all", ())):
        with pytest.raises(ValueError, match="Atom x needs"):
            Atom("x", cases, needs)
    for ends in ((1, 0), (-np.inf, np.inf)):
        with pytest.raises(ValueError, match="finite end"):
            Case.inside(normal(0), *ends)


def test_one_end_is_the_one_sided_t_test():
    values = normal(1, 0.4)
    (outcome,) = decide([atom(values)], ONE)
    assert outcome.p == pytest.approx(scipy.stats.ttest_1samp(values, 0, alternative="greater").pvalue)
    assert outcome.q == pytest.approx(scipy.stats.ttest_1samp(values, 0, alternative="less").pvalue)
    (below,) = decide([atom(values, low=-np.inf, high=0.0)], ONE)
    assert (below.p, below.q) == (outcome.q, outcome.p)


def test_two_ends_are_tost_and_twice_the_smaller_tail():
    values = normal(2, 0.3)
    (outcome,) = decide([atom(values, low=-1, high=1)], ONE)
    above, below = (
        scipy.stats.ttest_1samp(values, end, alternative=side).pvalue for end, side in ((-1, "greater"), (1, "less"))
    )
    assert outcome.p == pytest.approx(max(above, below))
    assert outcome.q == pytest.approx(min(1, 2 * min(1 - above, 1 - below)))
    (outside,) = decide([atom(values, low=-1, high=1, outside=True)], ONE)
    assert (outside.p, outside.q) == (outcome.q, outcome.p)


def test_the_interval_has_the_level_of_its_look():
    values = normal(3, 0.1, 40)
    (outcome,) = decide([atom(values)], LOOKS)
    assert outcome.n == 40
    expected = scipy.stats.t.interval(0.975, 39, values.mean(), scipy.stats.sem(values))
    assert outcome.cases[0][1:3] == pytest.approx(expected)
    assert outcome.cases[0].mean == pytest.approx(values.mean())


def test_a_skewed_case_counts_twice():
    values = np.array([0.0, 0, 0, 0, 0, 0.1, 0.1, 0.2, 0.2, 5])
    assert scipy.stats.skew(values) > 1
    (outcome,) = decide([atom(values)], ONE)
    assert outcome.cases[0].skewed
    assert outcome.p == pytest.approx(2 * scipy.stats.ttest_1samp(values, 0, alternative="greater").pvalue)


@pytest.mark.parametrize(
    ("values", "exact"),
    [
        (np.full(10, 0.3), False),
        (np.array([np.inf, *range(1, 10)]), False),
        (np.array([2.0, 1, 1, 1, 1, 1, 1, 1, 1, 3]), True),
    ],
)
def test_equal_infinite_and_ordered_values_are_decided_by_signs(values, exact):
    (outcome,) = decide([atom(values, exact=exact)], ONE)
    assert (outcome.p, outcome.q) == (pytest.approx(2**-10), 1.0)
    assert outcome.verdict == "true"


def test_ties_say_nothing_in_a_sign_test():
    values = np.array([1.0, 1, 1, 1, 1, -1, 0, 0, 0, 0])
    (outcome,) = decide([atom(values, exact=True)], ONE)
    assert outcome.p == pytest.approx(scipy.stats.binomtest(5, 6, alternative="greater").pvalue)
    assert outcome.q == pytest.approx(scipy.stats.binomtest(1, 6, alternative="greater").pvalue)
    (equal,) = decide([atom(np.zeros(10), exact=True)], ONE)
    assert (equal.p, equal.q, equal.verdict, equal.price) == (1, 1, "undecided", np.inf)


def test_the_family_is_adjusted_as_statsmodels_does():
    values = [normal(i, mean) for i, mean in enumerate((0.1, 0.5, 0.7, -0.9, 1.2))]
    outcomes = decide([atom(each, name=str(i)) for i, each in enumerate(values)], ONE)
    smaller = [min(o.p, o.q) for o in outcomes]
    adjusted = multipletests(smaller, method="holm")[1]
    assert [min(o.p_holm, o.q_holm) for o in outcomes] == pytest.approx(adjusted)
    pairs = zip(adjusted, outcomes, strict=True)
    verdicts = ["undecided" if p >= 0.05 else "true" if o.p < o.q else "false" for p, o in pairs]
    assert [o.verdict for o in outcomes] == verdicts
    assert {"undecided", "true", "false"} == set(verdicts)


def test_a_decided_atom_leaves_the_family():
    clear = normal(0, 3, 40)
    values = normal(5, 0.0, 40)
    open_one = values - values[:20].mean() + 0.53 * values[:20].std(ddof=1)
    p = scipy.stats.ttest_1samp(open_one[:20], 0, alternative="greater").pvalue
    assert 0.015 / 2 < p < 0.015
    outcomes = decide([atom(clear, name="clear"), atom(open_one, name="open")], LOOKS)
    assert [(o.verdict, o.n) for o in outcomes] == [("true", 10), ("true", 20)]
    assert outcomes[1].p_holm == outcomes[1].p  # alone in its family


def test_any_is_never_false():
    values = normal(0, -3)
    assert decide([atom(values)], ONE)[0].verdict == "false"
    outcome = decide([atom(values, needs="any")], ONE)[0]
    assert outcome.verdict == "not shown"
    assert not is_open(outcome, ONE)


def test_partial_conjunction_by_all_subsets():
    """Fewer than u hold iff some m − u + 1 fail together: the union over these subsets of Bonferroni in each."""
    for seed in range(20):
        p, q = rng(seed).uniform(size=(2, 5))
        for needed in range(1, 6):
            refuted = 5 - needed + 1
            expected = [
                max(min(1, size * min(subset)) for subset in combinations(values, size))
                for values, size in ((p, refuted), (q, needed))
            ]
            assert partial_conjunction(p, q, needed=needed) == pytest.approx(expected)
    assert partial_conjunction(p, q, needed=5) == pytest.approx((max(p), min(1, 5 * min(q))))


def test_most_needs_more_than_half():
    high, low = (normal(i, mean) for i, mean in enumerate((3, -3)))
    assert decide([atom(high, high, low, needs="most")], ONE)[0].verdict == "true"
    assert decide([atom(high, low, needs="most")], ONE)[0].verdict == "false"
    assert decide([atom(high, low, low, needs="most")], ONE)[0].verdict == "false"
    assert decide([atom(high, high, low)], ONE)[0].verdict == "false"


def families(draw) -> list[np.ndarray]:
    count = draw(st.integers(1, 4))
    means = draw(st.lists(st.sampled_from([-1.0, 0.0, 0.3, 0.6, 2.0]), min_size=count, max_size=count))
    seed = draw(st.integers(0, 10_000))
    return [mean + each for mean, each in zip(means, rng(seed).normal(size=(count, 40)), strict=True)]


def decided(values: list[np.ndarray], sizes: list[int]) -> list[Outcome]:
    """The outcomes with so many seeds of each atom, where all are to have 40 or more."""
    measured = [np.where(np.arange(len(each)) < n, each, np.nan) for each, n in zip(values, sizes, strict=True)]
    return decide([atom(each, name=str(i)) for i, each in enumerate(measured)], LOOKS)


@settings(max_examples=60, deadline=None)
@given(st.composite(families)(), st.data())
def test_later_seeds_change_no_decision(values, data):
    """A sweep killed anywhere has decided a part of what it decides in the end, at the same look and the same way."""
    kept = [data.draw(st.integers(0, 40)) for _ in values]
    killed = decided(values, kept)
    whole = decided(values, [40] * len(values))
    for before, after, n in zip(killed, whole, kept, strict=True):
        if before.verdict in ("true", "false"):
            assert before.verdict == after.verdict
            assert after.n <= before.n
        elif before.verdict == "not measured":
            assert n < 10
    longer = decided([np.append(each, 9.0) for each in values], [41] * len(values))
    assert longer == whole


@settings(max_examples=30, deadline=None)
@given(st.composite(families)())
def test_adding_seeds_to_what_is_open_alone_decides_the_same(values):
    """As the sweeper does it: after each look, only what is still open gets the next look's seeds."""
    have = [0] * len(values)
    for _ in range(4):
        outcomes = decided(values, have)
        for i, outcome in enumerate(outcomes):
            if is_open(outcome, LOOKS):
                have[i] = next(size for size in LOOKS.sizes if size > outcome.n)
    whole = decided(values, [40] * len(values))
    assert [(o.verdict, o.n, o.p) for o in outcomes] == [(o.verdict, o.n, o.p) for o in whole]


def test_a_gap_ends_what_is_measured():
    values = normal(0, 3, 40)
    values[9] = np.nan
    (outcome,) = decide([atom(values)], LOOKS)
    assert (outcome.verdict, outcome.n, outcome.cases, outcome.price) == ("not measured", 0, (), 10)
    assert is_open(outcome, LOOKS)


def test_the_price_decides_and_one_seed_less_does_not():
    values = normal(0, 0.2, 40)
    (outcome,) = decide([atom(values)], LOOKS)
    assert outcome.verdict == "undecided"
    assert not is_open(outcome, LOOKS)

    def p(n: int) -> float:
        return scipy.stats.t.sf(values.mean() / (values.std(ddof=1) / np.sqrt(n)), n - 1)

    n = 40 + outcome.price
    assert p(n) < 0.025 <= p(n - 1)


def test_the_price_of_a_mean_on_the_edge_is_infinite():
    values = normal(0, 0.0, 40)
    assert decide([atom(values - values.mean())], LOOKS)[0].price == np.inf


def images(n: int, size: int, *, seed: int, spread: float) -> np.ndarray:
    """Wrong or right for seeds × images; images differ in how hard they are by `spread`."""
    hard = np.clip(0.3 + spread * rng(seed).normal(size=size), 0, 1)
    return rng(seed + 1).uniform(size=(n, size)) < hard


def test_the_variance_over_images_by_hand():
    a, b = images(10, 200, seed=0, spread=0.2), images(10, 200, seed=5, spread=0.2)
    each = Images(((1.0, a), (-1.1, b)), known=np.ones(10, dtype=bool))
    d = a - 1.1 * b
    expected = (np.var(d.mean(axis=0), ddof=1) - np.var(d, axis=0, ddof=1).mean() / 10) / 200
    assert each.variance(10) == pytest.approx(expected, rel=1e-4)
    values = d.mean(axis=1)
    (outcome,) = decide([Atom("a", (Case((Bound(values, "below", each),), values),))], ONE)
    error = np.sqrt(values.var(ddof=1) / 10 + expected)
    assert outcome.p == pytest.approx(scipy.stats.t.cdf(values.mean() / error, 9), rel=1e-4)


def test_the_interval_of_a_change_goes_with_the_test():
    """The ends of a t interval of a relative change are nearly the factors that a t test does not reject (Fieller)."""
    b, noise = 0.05 + 0.002 * normal(0, n=40), 0.002 * normal(1, n=40)
    a = 1.2 * b + noise
    change, low, high = Change(a, b).interval(40, alpha=0.05)
    assert change == pytest.approx(a.mean() / b.mean() - 1)
    for end in (low, high):
        assert scipy.stats.ttest_1samp(a - (1 + end) * b, 0).pvalue == pytest.approx(0.05, abs=0.003)
    assert np.isnan(Change(np.append(a[:9], np.inf), b).interval(10, alpha=0.05)).all()


def test_the_interval_of_a_change_holds_the_images():
    a, b = images(10, 200, seed=0, spread=0.2), images(10, 200, seed=5, spread=0.2)
    each = Images(((1.0, a), (-1.0, b)), known=np.ones(10, dtype=bool))
    rates = a.mean(axis=1), b.mean(axis=1)
    ratio = rates[0].mean() / rates[1].mean()
    d = a - ratio * b
    by_images = (np.var(d.mean(axis=0), ddof=1) - np.var(d, axis=0, ddof=1).mean() / 10) / 200
    error = np.sqrt(d.mean(axis=1).var(ddof=1) / 10 + max(0, by_images)) / rates[1].mean()
    _, low, high = Change(*rates, each).interval(10, alpha=0.1)
    assert by_images > 0
    assert high - low == pytest.approx(2 * scipy.stats.t.ppf(0.95, 9) * error, rel=1e-4)


def test_a_case_that_is_to_have_fewer_seeds_stands_with_what_it_has():
    short, long = normal(0, 0.72), normal(1, 3, 40)
    p = scipy.stats.ttest_1samp(short, 0, alternative="greater").pvalue
    assert 0.015 < p < 0.025
    (outcome,) = decide([atom(long, short)], LOOKS)
    assert (outcome.verdict, outcome.n, outcome.p) == ("true", 40, pytest.approx(p))
    assert [case.n for case in outcome.cases] == [40, 10]
    (undecided,) = decide([atom(long, normal(0, 0.1))], LOOKS)
    assert undecided.price == np.inf  # it will have no more


def test_refuted_by_a_difference_where_the_estimate_is_outside():
    """Equivalent, or different: 0 is excluded and the estimate exceeds the margin, which need not itself be shown."""
    for mean, verdict in ((0.0, "true"), (2.0, "false"), (1.2, "false"), (0.7, "undecided")):
        values = normal(0, mean, 10)
        bounds = Case.inside(values, -1, 1).bounds
        case = Case(bounds, values, refuted=(Bound(values, "above"), Bound(values, "below")))
        (outcome,) = decide([Atom("a", (case,))], ONE)
        assert outcome.verdict == verdict, mean
        expected = scipy.stats.ttest_1samp(values, 0).pvalue if abs(mean) > 1 else 1
        assert outcome.q == pytest.approx(expected)


def test_images_that_are_all_alike_add_nothing_on_average():
    found = [
        Images(((1.0, images(10, 400, seed=s, spread=0.0)),), np.ones(10, dtype=bool)).variance(10)
        for s in range(0, 40, 2)
    ]
    assert min(found) == 0
    assert np.mean(found) < 0.1 * 0.21 / 400 / 10 * 2


def test_a_seed_without_images_is_left_out_of_their_variance():
    wrong = images(10, 200, seed=0, spread=0.2)
    known = np.arange(10) != 3
    assert Images(((1.0, wrong),), known).variance(10) == Images(((1.0, wrong[known]),), np.ones(9, bool)).variance(9)
    assert Images(((1.0, wrong),), np.arange(10) == 0).variance(10) == 0


def test_an_interval_of_equal_and_of_infinite_values():
    assert t_interval(np.full(5, 2.0)) == (2, 2, 2)
    mean, low, high = t_interval(np.array([1.0, np.inf]))
    assert mean == np.inf
    assert np.isnan([low, high]).all()
