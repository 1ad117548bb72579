"""Reading of claims: cases, placeholders, which findings a claim needs, and the messages about invalid ones."""

import evidence
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.ledger import parse, sentences
from actbench.ledger.cases import expand
from actbench.ledger.claims import KINDS, NEEDS, Atom, ClaimError, families, looks_of, possible_verdicts

BOUND = {"rule": "bound", "results": "here", "column": "test_loss", "claimed": [None, 1]}
WORSE = {"rule": "worse", "results": "here", "where": {"act": "a"}, "against": {"act": "b"}}
ANY = {**BOUND, "needs": "any", "chosen_on": {}, "cases": {"act.alpha": [1, 2]}}


def _refused(finding=None, **atoms) -> str:
    with pytest.raises(ClaimError) as error:
        evidence.claim(finding, **atoms)
    return str(error.value)


def test_an_atom_has_defaults():
    (atom,) = evidence.claim(gap={**BOUND, "where": {"act": "relu"}}).atoms
    assert (atom.table, atom.reduce, atom.needs, atom.looks.sizes) == ("runs", "mean", "all", (10, 20, 40))
    (case,) = atom.cases
    assert (case.low, case.high, atom.margin) == (float("-inf"), 1, None)
    assert (case.name, case.results, case.where) == ("", "here", {"act": "relu"})


def test_a_grid_is_the_product_of_its_lists_and_names_what_differs():
    cases = expand({"results": "here", "where": {"act": "elu"}, "against": {"act": "relu", "act.alpha": None},
                    "cases": {"act.alpha": [0.1, 2.0], "model.depth": 4, "norm": ["none", "batch"]}})  # fmt: skip
    assert [case.name for case in cases] == ["alpha 0.1, none", "alpha 0.1, batch", "alpha 2, none", "alpha 2, batch"]
    assert cases[3].where == {"act": "elu", "act.alpha": 2.0, "model.depth": 4, "norm": "batch"}
    assert cases[3].reference == {"act": "relu", "act.alpha": None, "model.depth": 4, "norm": "batch"}


def test_grids_stand_one_after_another_and_words_set_something_else():
    grids = [{"results": ["mnist_mlp", "mnist_cnn"], "track": "tuned"},
             {"results": "cifar10_conv", "track": "shared", "seeds": 10}]  # fmt: skip
    cases = expand(
        {"where": {"act": "tanh"}, "against": {"act": "relu"}, "cases": grids, "names": ["MLP", "CNN", "conv"]}
    )
    assert [(case.name, case.results, case.seeds) for case in cases] == [
        ("MLP", "mnist_mlp", None), ("CNN", "mnist_cnn", None), ("conv", "cifar10_conv", 10),
    ]  # fmt: skip
    assert [case.reference["track"] for case in cases] == ["tuned", "tuned", "shared"]
    other = {"act": "elu", "against": {"act": "celu", "results": "there"}}
    pairs = expand({"results": "here", "cases": [{"act": "smelu", "against": {"act": "relu"}}, other]})
    assert [case.name for case in pairs] == ["smelu, against relu", "elu, against celu, there"]
    assert pairs[1].reference == {"act": "celu"}


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_a_grid_has_as_many_cases_as_the_product_of_its_lengths(lengths):
    grid = {f"act.{i}": list(range(length)) for i, length in enumerate(lengths)}
    cases = expand({"results": "here", "cases": grid})
    product = 1
    for length in lengths:
        product *= length
    assert len({case.name for case in cases}) == len(cases) == product


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "bounds"}, "has rule=bounds: use one of bound, difference,"),
        ({"reduce": "median"}, "has reduce=median: use one of mean, min, max, rms, max_abs, last_first, each."),
        ({"kind": "fun"}, "has kind=fun: use one of claimed, definition,"),
        ({"needs": "some"}, "has needs=some: use one of all, most, any."),
        ({"against": {"act": "relu"}}, "has against: an atom with rule=bound has "),
        ({"margin": 1.2}, "has margin: an atom with rule=bound has "),
        ({"claimed": [2, 1]}, "has claimed=[2, 1]: give [low, high], null for no bound on a side."),
        ({"claimed": [None, None]}, "has claimed=[None, None]: give [low, high]"),
        ({"claimed": [1]}, "has claimed=[1]: give [low, high]"),
        ({"claimed": "high"}, "has claimed=high: give [low, high]"),
        ({"results": ""}, "has no results: name the results folder, or one in each of its cases."),
        ({"looks": [20, 10]}, "has looks=[20, 10]: Looks are one to four ascending numbers"),
        ({"looks": 10}, "has looks=10: "),
        ({"needs": "any", "cases": {"act": ["a", "b"]}}, "has needs=any without chosen_on"),
        ({"chosen_on": {}}, "has needs=any without chosen_on, or the other way round"),
        ({"kind": "fact"}, "has kind=fact and rule=bound: a fact is cited, and nothing else is."),
        ({"kind": "definition"}, "has kind=definition and rule=bound: what is true by definition is computed."),
        ({"cases": {"act": []}}, "has no case: each has its own name."),
        ({"cases": {"act": ["a", "a"]}}, "has two cases of one name: each has its own name."),
        ({"cases": {"act": ["a", "b"]}, "names": ["x"]}, "has cases that cannot be read: "),
        ({"cases": 3}, "has cases that cannot be read: "),
        ({"if_true": "{mena:.2f}"}, "if_true: {mena} does not exist: the fields are mean, low, high,"),
        ({"if_false": "{mean}"}, "if_false: {mean} needs digits, as in {mean:.2f}."),
        ({"if_false": "{worst:.2f}"}, "if_false: {worst:.2f} cannot be written: "),
        ({"if_false": "{gap.mean:.2f}"}, "if_false: {gap.mean} is not a placeholder here: write {FIELD}."),
        ({"if_false": "{mean"}, "if_false: '{mean' is no sentence with placeholders: "),
    ],
)
def test_an_invalid_atom_is_refused(changes, message):
    text = _refused(gap={**BOUND, **changes})
    assert text.startswith("C99, atom gap")
    assert message in text
    assert text.endswith(".")


def test_keys_that_lack_are_named():
    without = {key: value for key, value in BOUND.items() if key != "claimed"}
    assert _refused(gap=without).startswith("C99, atom gap lacks claimed: an atom with rule=bound has kind, states, ")
    no_reference = {key: value for key, value in WORSE.items() if key != "against"}
    assert _refused(gap=no_reference).startswith("C99, atom gap lacks against: ")
    assert evidence.claim(gap={**no_reference, "cases": [{"act": "c", "against": {"act": "b"}}]})
    some = [{"act": "c", "against": {"act": "b"}}, {"act": "d"}]
    assert "against" in _refused(gap={**no_reference, "cases": some})
    assert "lacks cite" in _refused(("cited",), fact={"kind": "fact", "rule": "cited"})
    assert "lacks margin" in _refused(gap={**WORSE, "rule": "at_least"})
    with pytest.raises(ClaimError, match=r"^C99 lacks finding, atoms: a claim has says, source, finding, atoms\.$"):
        parse.parse("C99", {"says": "So.", "source": "a test"})
    with pytest.raises(ClaimError, match=r"^C99 has a gap without keys: give it some, as in kind: claimed\.$"):
        parse.parse("C99", {"says": "So.", "source": "a test", "finding": {}, "atoms": {"gap": 3}})
    with pytest.raises(ClaimError, match=r"^C99 has why: a claim has "):
        parse.parse("C99", {"says": "So.", "source": "a test", "finding": {}, "atoms": {}, "why": "So."})


def test_findings_are_for_the_verdicts_that_a_claim_can_get():
    assert _refused(("true", "false"), gap=BOUND) == (
        "C99 has findings for true, false: it can get true, false, undecided."
    )
    assert "it can get true, undecided." in _refused(one=ANY)
    assert "it can get true, partly, undecided." in _refused(one=ANY, two=BOUND)
    assert "it can get true, false, partly, undecided, untestable." in _refused(
        one=BOUND, two=BOUND, three={**BOUND, "kind": "control"}
    )
    fact = {"rule": "cited", "kind": "fact", "cite": "A survey."}
    assert evidence.claim(("cited",), fact=fact, gap={**BOUND, "kind": "popular"})
    computed = {**BOUND, "rule": "computed", "table": "points", "kind": "definition"}
    assert evidence.claim(("definition_true", "definition_false"), fact=fact, jump=computed)


def test_a_finding_has_thirty_words_at_most_and_names_atoms():
    words = {"true": "word " * 29 + "{gap.mean:.2f}", "false": "No.", "undecided": "So."}
    assert evidence.claim(words, gap=BOUND)
    assert _refused({**words, "true": "word " * 31}, gap=BOUND) == ("C99, finding true, has 31 words: 30 are allowed.")
    assert "{gpa.mean} is not a placeholder here: write {ATOM.FIELD} with ATOM one of gap." in _refused(
        {**words, "true": "{gpa.mean:.2f}"}, gap=BOUND
    )


def test_atoms_of_one_kind_share_an_error_rate_and_their_looks():
    claim = evidence.claim(
        ("true", "false", "partly", "undecided", "untestable"),
        one=BOUND, two={**BOUND, "looks": [10, 20]}, three={**BOUND, "kind": "popular"},
        four={**BOUND, "kind": "mechanism"}, five={**BOUND, "kind": "mechanism"}, six={**BOUND, "kind": "control"},
    )  # fmt: skip
    named = [[atom.name for atom in family] for family in families(claim.atoms)]
    assert named == [["one", "two"], ["three"], ["six"], ["four"], ["five"]]
    assert looks_of(families(claim.atoms)[0]).sizes == (10, 20, 40)
    assert _refused(("true", "false", "partly", "undecided"), one=BOUND, two={**BOUND, "looks": [20, 40]}) == (
        "C99, atom two has looks 20, 40, which are not the first of 10, 20, 40, those of its family."
    )


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(NEEDS)), min_size=1, max_size=4))
def test_a_claim_that_nothing_decides_is_cited(kinds):
    atoms = [Atom(str(i), kind, "", "bound", (), needs=needs) for i, (kind, needs) in enumerate(kinds)]
    possible = possible_verdicts(atoms)
    names = {kind for kind, _ in kinds}
    assert ("untestable" in possible) == ("control" in names)
    assert ("true" in possible) == ("claimed" in names)
    assert ("cited" in possible) == (not names & {"claimed", "definition"})
    assert ("definition_true" in possible) == ("definition" in names and "claimed" not in names)
    assert ("false" in possible) == ("claimed" in names and ("claimed", "any") not in kinds)


def test_sentences_are_filled():
    fields = {"mean": -0.126, "low": -0.2, "high": float("inf"), "n": 20, "worst": "depth 8"}
    assert sentences.fill("{mean:+.1%} [{low:.2f}] with {n} seeds, {worst}", fields) == (
        "−12.6\u202f% [−0.20] with 20 seeds, depth 8"
    )
    assert sentences.fill("{gap.mean:.1f} and {gap.n}", {"gap": fields}) == "−0.1 and 20"
    with pytest.raises(sentences.MissingNumberError):
        sentences.fill("{mean:.1f}", {"mean": float("nan")})
    assert sentences.words("Tanh has {gap.mean:+.0%} errors [{gap.low:.1f}, {gap.high:.1f}].") == 6


def test_every_claim_of_the_article_can_be_read():
    """Statement, rule, margin, cases and looks of each atom, and both of its sentences."""
    claims = parse.claims()
    assert [claim.id for claim in claims] == sorted({claim.id for claim in claims})
    for claim in claims:
        assert claim.says.endswith((".", "?"))
        for atom in claim.atoms:
            assert atom.states.rstrip(")").endswith("."), (claim.id, atom.name)
            assert atom.rule == "cited" or (atom.if_true and atom.if_false)


def test_a_finding_may_go_by_an_atom():
    fact = {"rule": "cited", "kind": "fact", "cite": "A survey."}
    gap = {**BOUND, "kind": "popular"}
    by = {"by": "gap", "true": "It pays.", "false": "It does not.", "undecided": "Open."}
    assert evidence.claim({"cited": by}, fact=fact, gap=gap)
    assert _refused({"cited": {**by, "by": "gpa"}}, fact=fact, gap=gap) == (
        "C99, finding cited is by gpa: name one of the claim's atoms."
    )
    lacking = {key: value for key, value in by.items() if key != "undecided"}
    assert "C99, finding cited lacks undecided" in _refused({"cited": lacking}, fact=fact, gap=gap)


def test_a_choice_has_a_folder_and_keys_that_do_not_hold_there():
    assert "C99, atom one, alpha 1 has result: a choice has results, without." in _refused(
        ("true", "undecided"), one={**ANY, "chosen_on": {"result": "tuning"}}
    )
    assert "needs one number a seed: mean, min, max, rms, max_abs, last_first." in _refused(
        gap={**BOUND, "reduce": "each"}
    )
