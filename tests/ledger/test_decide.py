"""Verdicts of atoms in their families, and of claims; choices on tuning seeds."""

import itertools
from types import SimpleNamespace

import evidence
import numpy as np
import pytest

from actbench.compare import sequential, statements
from actbench.compare.looks import Looks
from actbench.ledger import choice, decide
from actbench.ledger.claims import KINDS, NOT_MEASURED, Atom, ClaimError, possible_verdicts
from actbench.ledger.evidence import Evidence

BOUND = {"rule": "bound", "results": "here", "column": "test_loss"}
FOUR = ("true", "false", "partly", "undecided")


def _verdicts(root, claim) -> dict[str, str]:
    return {one.atom.name: one.verdict for one in decide.decide_claim(claim, Evidence(root))}


@pytest.fixture
def here(tmp_path):
    """Forty seeds with a mean loss of 1, ten of them in another folder."""
    losses = 1 + np.random.default_rng(11).normal(0, 0.1, 40)
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": losses}})
    evidence.folder(tmp_path, "short", {"relu": {"test_loss": losses[:10]}})
    return tmp_path


def test_a_family_is_decided_as_its_numbers_are(here):
    ends = {"low": [None, 1.5], "near": [None, 1.03], "high": [1.2, None]}
    claim = evidence.claim(FOUR, **{name: {**BOUND, "claimed": claimed} for name, claimed in ends.items()})
    decided = decide.decide_claim(claim, Evidence(here))
    values = Evidence(here).frame("here", "runs").sort_values("seed")["test_loss"].to_numpy()
    cases = [
        statements.Case.inside(values, -np.inf if low is None else low, np.inf if high is None else high)
        for low, high in ends.values()
    ]
    atoms = [statements.Atom(name, (case,)) for name, case in zip(ends, cases, strict=True)]
    expected = sequential.decide(atoms, Looks((10, 20, 40)))
    assert [one.verdict for one in decided] == [outcome.verdict for outcome in expected]
    for one, outcome in zip(decided, expected, strict=True):
        assert (one.outcome.p_holm, one.outcome.q_holm) == pytest.approx((outcome.p_holm, outcome.q_holm))
    assert [decided[0].verdict, decided[2].verdict] == ["true", "false"]


def test_an_atom_that_is_not_measured_has_its_place_in_the_family(here):
    """Its neighbour has the p of a family of two, whether or not its folder is there already."""
    atoms = {"one": {**BOUND, "claimed": [None, 1.5]}, "two": {**BOUND, "results": "missing", "claimed": [0, None]}}
    one, two = decide.decide_claim(evidence.claim(FOUR, **atoms), Evidence(here))
    (alone,) = decide.decide_claim(evidence.claim(one=atoms["one"]), Evidence(here))
    assert (two.verdict, two.price) == (NOT_MEASURED, "first look")
    assert one.outcome.p_holm == pytest.approx(2 * alone.outcome.p_holm)
    assert one.is_open is False
    assert two.is_open is True


def test_a_case_with_fewer_seeds_stands_with_what_it_has(here):
    """All of two settings: one has forty seeds, the other ten and will not have more."""
    decided, waiting = (
        decide.decide_claim(evidence.claim(gap={**BOUND, "cases": cases, "claimed": [None, 1.06]}), Evidence(here))[0]
        for cases in (
            [{"results": "here"}, {"results": "short", "seeds": 10}],
            [{"results": "here"}, {"results": "short"}],
        )
    )
    assert [one.n for one in waiting.estimates] == [10, 10]
    assert [one.name for one in decided.estimates] == ["here", "short"]
    assert max(one.n for one in decided.estimates) > 10
    assert decided.estimates[1].n == 10


def test_runs_of_an_older_protocol_have_no_part(tmp_path):
    """Neither those before the atoms were written, nor others than the latest of their folder."""
    claim = evidence.claim(gap={**BOUND, "claimed": [None, 1.5]})
    evidence.folder(tmp_path, "here", {"relu": {"test_loss": [1.0] * 10}}, protocol=2)
    assert _verdicts(tmp_path, claim) == {"gap": NOT_MEASURED}
    evidence.folder(tmp_path, "here", {"elu": {"test_loss": [2.0] * 10}})
    assert Evidence(tmp_path).frame("here", "runs")["act"].unique().tolist() == ["elu"]
    assert _verdicts(tmp_path, claim) == {"gap": "false"}
    assert Evidence(tmp_path).source("here") == "PROTOCOL 3, commit abc"


def _any(**keys):
    return evidence.claim(("true", "undecided"), best={"needs": "any", "cases": {"act": ["a", "b", "c"]}, **keys})


def _accuracies(**errors):
    return {
        act: {
            "test_accuracy": 1 - np.array(test) / 1000,
            "val_accuracy": 1 - np.array(val) / 1000,
            "val_loss": [loss] * len(val),
        }
        for act, (test, val, loss) in errors.items()
    }


def test_any_is_chosen_on_tuning_seeds_alone_and_never_false(tmp_path):
    """On tuning seeds b has the fewest validation errors, though its test errors are the most everywhere."""
    noise = [0, 1, 2, 1, 0, 1, 2, 0, 1, 2]
    high, low, middle = ([mean + x for x in noise] for mean in (90, 30, 60))
    evidence.folder(
        tmp_path, "here", _accuracies(a=(low, low, 1), b=(high, low, 1), c=(low, low, 1), ref=(middle, middle, 1))
    )
    evidence.folder(
        tmp_path, "tuning", _accuracies(a=(low, high, 1), b=(high, low, 1), c=(low, high, 1), ref=(low, middle, 1)),
        first_seed=1000,
    )  # fmt: skip
    evidence.folder(tmp_path, "tuning", _accuracies(a=(low, low[:1] * 10, 0)), first_seed=0)  # no tuning seeds
    keys = {"rule": "lower", "results": "here", "against": {"act": "ref"}, "chosen_on": {"results": "tuning"}}
    (decided,) = decide.decide_claim(_any(**keys), Evidence(tmp_path))
    assert (decided.chosen, decided.verdict, decided.is_open) == ("b", "not shown", False)
    assert decide.verdict([decided]) == "undecided"
    (worse,) = decide.decide_claim(_any(**{**keys, "rule": "worse"}), Evidence(tmp_path))
    assert (worse.chosen, worse.verdict) == ("a", "false".replace("false", "not shown"))


def test_equal_errors_are_told_apart_by_loss_and_the_best_rate_counts(tmp_path):
    level = [50] * 10
    runs = _accuracies(a=(level, level, 0.3), b=(level, level, 0.1), c=(level, level, 0.2), ref=(level, [60] * 10, 1))
    rates = {f"{act} {lr}": {**columns, "act": act, "optim.lr": lr} for act, columns in runs.items() for lr in (0.1,)}
    bad = {**runs["b"], "val_accuracy": np.full(10, 0.1), "act": "b", "optim.lr": 10.0}
    few = {
        **{key: value[:2] for key, value in runs["b"].items()},
        "val_accuracy": [1.0, 1.0],
        "act": "b",
        "optim.lr": 1.0,
    }
    evidence.folder(tmp_path, "here", {**rates, "b 10": bad, "b 1": few}, first_seed=1000)
    keys = {"rule": "lower", "results": "here", "against": {"act": "ref"}, "chosen_on": {}}
    (atom,) = _any(**keys).atoms
    (case,) = choice.resolved(atom, Evidence(tmp_path))
    assert case.name == "b"
    rows = choice.tuning_rows(Evidence(tmp_path).frame("here", "runs").query("act == 'b'"))
    assert (rows["optim.lr"].unique().tolist(), len(rows)) == ([0.1], 10)


def test_a_reference_in_another_folder_is_left_out_of_the_choice(tmp_path):
    level = [50] * 10
    runs = _accuracies(a=(level, [40] * 10, 1), b=(level, [30] * 10, 1), c=(level, [60] * 10, 1))
    evidence.folder(tmp_path, "here", runs, first_seed=1000)
    keys = {"results": "here", "against": {"results": "there", "act": "ref"}, "chosen_on": {}}
    for rule, margin, name in (("lower", {}, "b"), ("at_least", {"margin": 0.9}, "c")):
        (atom,) = _any(rule=rule, **margin, **keys).atoms
        assert [case.name for case in choice.resolved(atom, Evidence(tmp_path))] == [name]
    loss = {"rule": "difference", "column": "val_accuracy", "claimed": [0, None], **keys}
    assert choice.resolved(_any(**loss).atoms[0], Evidence(tmp_path))[0].name == "b"
    with pytest.raises(ClaimError, match=r"^C99, atom best: To choose a case its reference must be in the same"):
        _verdicts(tmp_path, _any(rule="differs", **keys))


def test_without_tuning_seeds_nothing_is_chosen(tmp_path):
    level = [50] * 10
    evidence.folder(tmp_path, "here", _accuracies(**dict.fromkeys(("a", "b", "c", "ref"), (level, level, 1))))
    claim = _any(rule="lower", results="here", against={"act": "ref"}, chosen_on={})
    assert _verdicts(tmp_path, claim) == {"best": NOT_MEASURED}
    assert _verdicts(tmp_path, _any(rule="lower", results="here", against={"act": "ref"},
                                    chosen_on={"results": "missing"})) == {"best": NOT_MEASURED}  # fmt: skip


def test_the_reference_may_be_the_best_of_several_on_tuning_seeds(tmp_path):
    """The tuning folder has no track, which the choice leaves out."""
    noise = np.array([0, 1, 2, 1, 0, 1, 2, 0, 1, 2])
    runs = _accuracies(
        relu=(noise + 50, noise + 50, 1), gelu=(noise + 54, noise + 20, 1), silu=(noise + 10, noise + 90, 1)
    )
    evidence.folder(tmp_path, "here", {act: {**columns, "track": "tuned"} for act, columns in runs.items()})
    evidence.folder(tmp_path, "tuning", runs, first_seed=1000)
    keys = {"rule": "no_worse", "results": "here", "where": {"act": "relu", "track": "tuned"},
            "against": {"act": ["gelu", "silu"]}}  # fmt: skip
    best_of = {"results": "tuning", "without": ["track"]}
    (decided,) = decide.decide_claim(evidence.claim(good={**keys, "best_of": best_of}), Evidence(tmp_path))
    assert decided.settings[0].case.against == {"act": "gelu"}
    assert decided.verdict == "true"
    assert _verdicts(tmp_path, evidence.claim(good={**keys, "best_of": {"results": "missing"}})) == {
        "good": NOT_MEASURED
    }
    assert _verdicts(tmp_path, evidence.claim(good={**keys, "best_of": {}})) == {"good": NOT_MEASURED}


def _said(kind: str, verdict: str):
    return SimpleNamespace(atom=SimpleNamespace(kind=kind), verdict=verdict)


def _by_the_book(kinds_and_verdicts) -> str:
    """The verdict of a claim as claims.md words it."""
    of = {kind: [verdict for k, verdict in kinds_and_verdicts if k == kind] for kind in KINDS}
    controls, claimed, definitions = of["control"], of["claimed"], of["definition"]
    if "false" in controls:
        return "untestable"
    if claimed and NOT_MEASURED in controls:
        return NOT_MEASURED
    if claimed and not all(verdict == "true" for verdict in controls):
        return "undecided"
    if claimed:
        if any(v == "true" for v in claimed) and any(v == "false" for v in claimed):
            return "partly"
        if NOT_MEASURED in claimed:
            return NOT_MEASURED
        if all(v == "true" for v in claimed):
            return "true"
        return "false" if all(v == "false" for v in claimed) else "undecided"
    if definitions:
        if "false" in definitions:
            return "definition_false"
        if NOT_MEASURED in definitions:
            return NOT_MEASURED
        return "definition_true" if all(v == "true" for v in definitions) else "undecided"
    return "cited"


OUTCOMES = {
    "claimed": ("true", "false", "undecided", "not shown", NOT_MEASURED),
    "definition": ("true", "false", NOT_MEASURED),
    "control": ("true", "false", "undecided", NOT_MEASURED),
    "popular": ("true", "false", "undecided"),
    "mechanism": ("false",),
    "fact": ("cited",),
}
ONE = [(kind, verdict) for kind, verdicts in OUTCOMES.items() for verdict in verdicts]


def test_the_verdict_of_a_claim_is_that_of_the_table():
    """Every combination of up to three atoms of every kind and outcome."""
    seen = set()
    for size in (1, 2, 3):
        for atoms in itertools.combinations_with_replacement(ONE, size):
            expected = _by_the_book(atoms)
            seen.add(expected)
            for order in (atoms, atoms[::-1]):
                assert decide.verdict([_said(*one) for one in order]) == expected, atoms
    assert seen == {*decide.FINDINGS, NOT_MEASURED}


def test_a_verdict_is_one_that_a_claim_has_a_finding_for():
    for size in (1, 2, 3):
        for atoms in itertools.combinations_with_replacement(ONE, size):
            needs = ["any" if verdict == "not shown" else "all" for _, verdict in atoms]
            rules = {"definition": "computed", "fact": "cited"}
            written = [
                Atom(str(i), kind, "", rules.get(kind, "bound"), (), needs=need)
                for i, ((kind, _), need) in enumerate(zip(atoms, needs, strict=True))
            ]
            verdict = decide.verdict([_said(*one) for one in atoms])
            assert verdict in {*possible_verdicts(written), NOT_MEASURED}, atoms


def test_a_failed_control_makes_a_claim_untestable_and_one_that_lacks_leaves_it_open(here):
    findings = ("true", "false", "undecided", "untestable")
    for claimed, expected in (([2, None], "untestable"), ([None, 2], "true"), ([1.0, None], "undecided")):
        atoms = {"gap": {**BOUND, "claimed": [None, 1.5]}, "draws": {**BOUND, "kind": "control", "claimed": claimed}}
        decided = decide.decide_claim(evidence.claim(findings, **atoms), Evidence(here))
        assert decide.verdict(decided) == expected
    assert decide.worded("untestable") == "not testable here"
    assert decide.worded(NOT_MEASURED) == NOT_MEASURED
