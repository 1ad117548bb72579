"""What each rule makes of small tables, against numbers computed by hand, by scipy, or one seed at a time."""

import evidence
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from actbench.ledger import decide, rules
from actbench.ledger.claims import ClaimError
from actbench.ledger.evidence import Evidence, one_setting, select

NOISE = np.array([1, -1, 2, -2, 3, -3, 1, -1, 2, -2]) / 100 + 0.001  # without skew, which makes p count twice


def _decided(root, **keys):
    """The atom of a claim with one atom that has these keys, decided."""
    (decided,) = decide.decide_claim(evidence.claim(says=keys), Evidence(root))
    return decided


def _values(root, **keys):
    """The numbers that are compared with 0, of the first bound of the first case."""
    return _decided(root, **keys).settings[0].tested.bounds[0].values[:10]


@pytest.fixture
def losses(tmp_path):
    """Ten seeds of tanh and relu, whose losses differ by −.1 and noise."""
    relu = 0.5 + np.random.default_rng(7).normal(0, 0.1, 10)
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": relu}, "tanh": {"test_loss": relu - 0.1 + NOISE}})
    return tmp_path


HERE = {"results": "here", "column": "test_loss", "where": {"act": "tanh"}}


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [([None, 0], "true"), ([0, None], "false"), ([-0.15, 0], "true"), ([0, 0.2], "false"), ([-0.1, None], "undecided")],
)
def test_a_difference_lies_inside_outside_or_across(losses, claimed, verdict):
    decided = _decided(losses, rule="difference", against={"act": "relu"}, claimed=claimed, **HERE)
    assert decided.verdict == verdict
    (found,) = decided.estimates
    assert found.mean == pytest.approx(-0.1 + NOISE.mean())
    at = decided.looks.alphas[decided.looks.sizes.index(10)]
    low, high = scipy.stats.t.interval(1 - at, 9, found.mean, NOISE.std(ddof=1) / np.sqrt(10))
    assert (found.low, found.high) == pytest.approx((low, high))
    tails = {"less": claimed[1], "greater": claimed[0]}
    p = [scipy.stats.ttest_1samp(NOISE - 0.1, end, alternative=s).pvalue for s, end in tails.items() if end is not None]
    assert found.p == pytest.approx(max(p))


def test_a_bound_reduces_the_rows_of_a_seed(tmp_path):
    rows = pd.DataFrame({"seed": [0, 0, 1, 1], "x": [3.0, -4, 1, np.nan]})
    expected = {"mean": [-0.5, 1], "min": [-4, 1], "max": [3, 1], "rms": [np.sqrt(12.5), 1], "max_abs": [4, 1]}
    for reduce, values in expected.items():
        assert rules.by_seed(rows, "x", reduce).tolist() == pytest.approx(values)


def test_a_log_ratio_has_factors_as_ends_and_is_shown_as_a_change(tmp_path):
    base, factors = 3 + np.random.default_rng(7).uniform(0, 1, 10), np.exp(-0.3 + NOISE)
    evidence.folder(tmp_path, "gan", {"relu": {"test_fld": base}, "leaky": {"test_fld": base * factors}})
    keys = {"results": "gan", "column": "test_fld", "where": {"act": "leaky"}, "against": {"act": "relu"}}
    decided = _decided(tmp_path, rule="log_ratio", claimed=[None, 0.909], **keys)
    assert decided.verdict == "true"
    np.testing.assert_allclose(decided.settings[0].tested.bounds[0].values[:10], np.log(factors) - np.log(0.909))
    assert decided.worst.mean == pytest.approx(np.exp(np.log(factors).mean()) - 1)
    equivalent = _decided(tmp_path, rule="log_ratio", claimed=[0.909, 1.1], **keys)
    assert equivalent.verdict == "false"
    outside = _decided(tmp_path, rule="log_ratio", claimed=[0.909, 1.1], outside=True, **keys)
    assert (outside.verdict, outside.worst.p) == ("true", equivalent.worst.q)


# Mean errors of a and of the reference in 1,000 images, and what is true of them with a margin of 10 %.
ERRORS = {
    (30, 60): {"no_worse", "better", "lower"},
    (58, 60): {"no_worse", "equivalent", "lower"},
    (60, 60): {"no_worse", "equivalent"},
    (90, 60): {"worse", "differs"},
}


@pytest.mark.parametrize(("errors", "true"), ERRORS.items())
def test_error_rates_are_compared_with_a_multiple_of_the_reference(tmp_path, errors, true):
    """With noise of one image in every fourth seed all is decided but what lies at an end."""
    jitter = [0, 0, 0, 1] * 10
    columns = {
        name: {"test_accuracy": 1 - (mean + np.roll(jitter, shift)) / 1000}
        for shift, (name, mean) in enumerate(zip(("a", "b"), errors, strict=True))
    }
    evidence.folder(tmp_path, "here", columns)
    keys = {"results": "here", "where": {"act": "a"}, "against": {"act": "b"}}
    names = ("no_worse", "worse", "equivalent", "differs", "better", "lower")
    verdicts = {rule: _decided(tmp_path, rule=rule, **keys).verdict for rule in names}
    if errors == (60, 60):
        assert verdicts.pop("lower") == "undecided"
    if errors == (30, 60):
        true = true | {"differs"}
    assert {rule for rule, verdict in verdicts.items() if verdict == "true"} == true
    assert {verdict for rule, verdict in verdicts.items() if rule not in true} == {"false"}
    assert _decided(tmp_path, rule="at_least", margin=0.4, **keys).verdict == "true"
    assert _decided(tmp_path, rule="no_worse", margin=2.0, **keys).verdict == "true"


def test_an_error_rate_is_shown_as_a_change_with_levels_and_its_images_count(tmp_path):
    """The interval of a difference on one test set is wider than its seeds alone say."""
    runs = {
        "a": [evidence.right(60 + seed % 3, first=0) for seed in range(10)],
        "b": [evidence.right(60 + seed % 2, first=500) for seed in range(10)],
    }
    columns = {name: {key: [run[key] for run in several] for key in several[0]} for name, several in runs.items()}
    evidence.folder(tmp_path, "shared", columns)
    evidence.folder(tmp_path, "alone", {n: {"test_accuracy": c["test_accuracy"]} for n, c in columns.items()})
    keys = {"rule": "no_worse", "where": {"act": "a"}, "against": {"act": "b"}}
    shared, alone = (_decided(tmp_path, results=name, **keys).worst for name in ("shared", "alone"))
    a, b = (1 - np.array(columns[name]["test_accuracy"]) for name in ("a", "b"))
    assert (shared.level, shared.reference) == pytest.approx((a.mean(), b.mean()))
    assert shared.mean == alone.mean == pytest.approx(a.mean() / b.mean() - 1)
    assert shared.high - shared.low > 3 * (alone.high - alone.low)
    assert alone.p == pytest.approx(scipy.stats.ttest_1samp(a - 1.1 * b, 0, alternative="less").pvalue)
    assert shared.p > alone.p


def test_sooner_is_an_exact_sign_test_in_which_a_missed_target_is_later_than_any(tmp_path):
    reached = {"tanh": [3.0, 2, 4, 5, 3, 3, 2, 2, 4, np.inf], "sigmoid": [*[np.inf] * 6, 4, 2, 5, np.inf]}
    evidence.folder(tmp_path, "here", {act: {"epochs_to_target": values} for act, values in reached.items()})
    decided = _decided(tmp_path, rule="sooner", results="here", where={"act": "tanh"}, against={"act": "sigmoid"})
    assert decided.settings[0].tested.bounds[0].values[:10].tolist() == [1] * 7 + [0, 1, 0]
    assert decided.worst.mean == pytest.approx((8 + 2 / 2) / 10)
    assert decided.worst.p == pytest.approx(scipy.stats.binomtest(8, 8, alternative="greater").pvalue)
    assert decided.verdict == "true"


def _layers(act: str, columns: dict[int, dict[str, float]], *, seeds: int = 10, step: int = 5) -> list[dict]:
    """Rows of layers; a seed adds a hundredth of itself to every number."""
    return [
        {"run_id": f"{act}-0", "seed": seed, "epoch": 1, "step": step, "layer_index": i, "layer": f"l{i}"}
        | {name: value + seed / 100 for name, value in values.items()}
        for seed in range(seeds)
        for i, values in columns.items()
    ]


def test_a_distance_is_the_mean_gap_over_layers_minus_that_of_the_second(tmp_path):
    """At the last probe elu is .3 and .1 from relu, celu 1 and −2: (.3 + .1) / 2 − (1 + 2) / 2 = −1.3."""
    ratios = {"relu": (1, 2), "elu": (1.3, 2.1), "celu": (2, 0)}
    layers = [
        row
        for act, (first, second) in ratios.items()
        for step, factor in ((0, 99), (5, 1))
        for row in _layers(act, {1: {"out_ratio": factor * first}, 2: {"out_ratio": factor * second}}, step=step)
    ]
    evidence.folder(tmp_path, "here", {act: {"test_loss": [0.1] * 10} for act in ratios}, layers=layers)
    keys = {"results": "here", "where": {"act": "elu"}, "against": {"act": "relu"}, "than": {"act": "celu"}}
    np.testing.assert_allclose(_values(tmp_path, rule="distance", **keys), -1.3)
    assert _decided(tmp_path, rule="distance", **keys).verdict == "true"


def test_a_parameter_has_left_its_start_by_the_root_mean_square_over_layers(tmp_path):
    """From 1 to 1.3 and to .6: sqrt((.09 + .16) / 2)."""
    layers = [
        *_layers("swish", {1: {"act.beta": 1}, 2: {"act.beta": 1}}, step=0),
        *_layers("swish", {1: {"act.beta": 1.2}, 2: {"act.beta": 2}}, step=1),
        *_layers("swish", {1: {"act.beta": 1.3}, 2: {"act.beta": 0.6}}, step=5),
    ]
    evidence.folder(tmp_path, "here", {"swish": {"test_loss": [0.1] * 10}}, layers=layers)
    keys = {"rule": "left_start", "column": "learned.beta", "results": "here", "where": {"act": "swish"}}
    np.testing.assert_allclose(_values(tmp_path, **keys), np.sqrt(0.125) - 0.05)
    assert _decided(tmp_path, **keys).worst.mean == pytest.approx(np.sqrt(0.125))


def test_a_trend_is_a_slope_per_seed(tmp_path):
    layers = _layers("relu", {i: {"out_mean": 3 + 2 * i} for i in (1, 2, 3, 4)})
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": [0.1] * 10}}, layers=layers)
    keys = {"table": "layers", "column": "out_mean", "over": "layer_index", "results": "here", "claimed": [1, None]}
    np.testing.assert_allclose(_values(tmp_path, rule="trend", where={"act": "relu"}, **keys), 2 - 1)


def test_the_last_layer_at_the_last_step_minus_the_first(tmp_path):
    layers = [*_layers("relu", {1: {"out_mean": 9}, 3: {"out_mean": 0}}, step=0),
              *_layers("relu", {1: {"out_mean": 2}, 2: {"out_mean": 7}, 3: {"out_mean": 5}})]  # fmt: skip
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": [0.1] * 10}}, layers=layers)
    keys = {"table": "layers", "column": "out_mean", "results": "here", "claimed": [0, None]}
    ends = {"where": {"step": "last", "layer_index": "last"}, "against": {"layer_index": "first"}}
    np.testing.assert_allclose(_values(tmp_path, rule="difference", **keys, **ends), 3)


@pytest.mark.parametrize(("claimed", "worst"), [([None, 1], np.inf), ([0, None], -np.inf)])
def test_a_seed_without_a_number_counts_against_the_statement(tmp_path, claimed, worst):
    evidence.folder(tmp_path, "here", {"relu": {"val_midpoint_gap": [0.5] * 9 + [np.nan]}})
    keys = {"rule": "bound", "results": "here", "column": "val_midpoint_gap", "claimed": claimed}
    assert _values(tmp_path, **keys)[9] == worst
    assert _decided(tmp_path, **keys).worst.p == pytest.approx(
        scipy.stats.binomtest(9, 10, alternative="greater").pvalue
    )


def test_seeds_that_were_not_measured_are_missing_and_pairs_need_both(tmp_path):
    evidence.folder(tmp_path, "here", {"a": {"test_loss": [0.1] * 10}, "b": {"test_loss": [0.2] * 4}})
    keys = {"results": "here", "column": "test_loss", "where": {"act": "a"}, "claimed": [None, 1]}
    difference = _decided(tmp_path, rule="difference", against={"act": "b"}, **keys)
    assert np.isnan(difference.settings[0].tested.bounds[0].values).tolist() == [False] * 4 + [True] * 36
    assert (difference.verdict, _decided(tmp_path, rule="bound", **keys).verdict) == ("not measured", "true")


@pytest.mark.parametrize(
    ("claimed", "needs", "verdict"),
    [
        ([0, 4], "all", "true"), ([0, 2.5], "all", "false"), ([0, 2.5], "most", "true"), ([0, 1.5], "any", "true"),
        ([4, 5], "any", "false"), ([0, 3.0], "all", "undecided"), ([0, 1.5], "most", "false"),
    ],
)  # fmt: skip
def test_a_computed_number_lies_in_the_claimed_set_with_its_error(tmp_path, claimed, needs, verdict):
    target = tmp_path / "functions" / "tables"
    target.mkdir(parents=True)
    facts = pd.DataFrame({"function": ["a", "b", "c"], "value": [1.0, 2.0, 3.0], "error": [0.1, np.nan, 0.1]})
    facts.to_parquet(target / "points.parquet")
    keys = {"results": "functions", "table": "points", "column": "value", "claimed": claimed}
    decided = _decided(tmp_path, rule="computed", cases={"function": ["a", "b", "c"]}, needs=needs, **keys)
    assert decided.verdict == verdict
    assert [(one.name, one.mean) for one in decided.estimates] == [("a", 1), ("b", 2), ("c", 3)]
    assert (decided.estimates[0].low, decided.estimates[0].high) == pytest.approx((0.9, 1.1))


def test_of_several_rows_all_lie_in_the_claimed_set(tmp_path):
    layers = _layers("step", {1: {"grad_zero": 1}, 2: {"grad_zero": 1}}, seeds=1)
    evidence.folder(tmp_path, "here", {"step": {"test_loss": [0.1]}}, layers=layers)
    keys = {"rule": "computed", "kind": "definition", "table": "layers", "column": "grad_zero", "results": "here"}
    claim = evidence.claim(("definition_true", "definition_false"), zero={**keys, "claimed": [1, 1]})
    (decided,) = decide.decide_claim(claim, Evidence(tmp_path))
    assert (decided.verdict, decided.worst.low, decided.worst.high) == ("true", 1, 1)
    absent = evidence.claim(("definition_true", "definition_false"),
                            zero={**keys, "where": {"act": "relu"}, "claimed": [1, 1]})  # fmt: skip
    assert decide.decide_claim(absent, Evidence(tmp_path))[0].verdict == "not measured"


def test_conditions_select_rows():
    frame = pd.DataFrame({
        "run_id": ["r"] * 4 + ["t"] * 2, "seed": [0, 0, 1, 1, 0, 0], "step": [0, 8, 0, 9, 0, 7],
        "act": ["relu"] * 4 + ["tanh"] * 2, "act.alpha": [np.nan] * 4 + [0.5] * 2,
    })  # fmt: skip
    assert select(frame, {"step": "last"})["step"].tolist() == [8, 9, 7]
    assert select(frame, {"step": "first", "act": "relu"})["seed"].tolist() == [0, 1]
    assert select(frame, {"act": ["relu", "tanh"], "act.alpha": None})["run_id"].unique().tolist() == ["r"]
    assert len(select(frame, {"model.depth": 3})) == 0
    assert len(select(frame, {"model.depth": None})) == 6


def test_runs_of_several_settings_are_not_averaged(tmp_path):
    evidence.folder(
        tmp_path,
        "here",
        {name: {"test_loss": [0.1] * 10, "act": "relu", "norm": name} for name in ("none", "batch")},
    )
    keys = {"rule": "bound", "results": "here", "column": "test_loss", "claimed": [0, None]}
    with pytest.raises(ClaimError) as error:
        _decided(tmp_path, where={"act": "relu"}, **keys)
    assert str(error.value) == "C99, atom says: There are runs of several settings: say in `where` which norm."
    assert _decided(tmp_path, where={"act": "relu", "norm": "none"}, **keys).verdict == "true"
    assert _decided(tmp_path, where={"norm": ["none", "batch"]}, **keys).verdict == "true"
    rows = pd.DataFrame({"run_id": ["a", "b"], "seed": [0, 0], "num_seeds": [1, 2], "act": ["relu", "relu"]})
    assert len(one_setting(rows, {})) == 1


def test_a_column_that_a_table_lacks_is_named(losses):
    with pytest.raises(ClaimError) as error:
        _decided(losses, rule="bound", claimed=[0, None], **{**HERE, "column": "test_lost"})
    assert str(error.value) == "C99, atom says: The table runs of here has no column test_lost."


def test_a_trend_may_be_compared_with_that_of_the_reference(tmp_path):
    layers = [*_layers("relu", {i: {"out_mean": 2 * i} for i in (1, 2, 3)}),
              *_layers("tanh", {i: {"out_mean": 5 * i} for i in (1, 2, 3)})]  # fmt: skip
    evidence.folder(tmp_path, "here", {act: {"test_loss": [0.1] * 10} for act in ("relu", "tanh")}, layers=layers)
    keys = {"rule": "trend", "table": "layers", "column": "out_mean", "over": "layer_index", "results": "here"}
    ends = {"where": {"act": "tanh"}, "against": {"act": "relu"}, "claimed": [0, None]}
    np.testing.assert_allclose(_values(tmp_path, **keys, **ends), 3)


def test_a_computed_column_that_lacks_is_named_and_one_that_is_empty_is_not_measured(tmp_path):
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": [0.1] * 3}})
    keys = {"rule": "computed", "results": "here", "table": "runs", "claimed": [0, 1]}
    assert _decided(tmp_path, column="test_fld", **keys).verdict == "not measured"
    with pytest.raises(ClaimError, match=r"^C99, atom says: The table runs of here has no column test_lost\.$"):
        _decided(tmp_path, column="test_lost", **keys)


def test_error_rates_need_one_run_a_seed(tmp_path):
    evidence.folder(tmp_path, "here", {act: {"test_accuracy": [0.9] * 3} for act in ("a", "b", "c")})
    with pytest.raises(ClaimError, match=r"An error rate needs one run a seed: say in `where` which\.$"):
        _decided(tmp_path, rule="lower", results="here", where={"act": ["a", "b"]}, against={"act": "c"})
