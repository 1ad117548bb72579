"""Parsing of claims, and the messages about invalid ones."""

import pytest

from actbench.ledger import decide
from actbench.ledger.claims import ClaimError, parse

REGIME = {"regime": "always", "rule": "bound", "column": "test_loss", "claimed": [None, 1], "n": 10}
ENTRY = {"id": "C99", "statement": "It is so.", "source": "a test", "regimes": [REGIME]}


def _parsed(**changes):
    ((claim,),) = [parse("question", [{**ENTRY, "regimes": [{**REGIME, **changes}]}])]
    (regime,) = claim.regimes
    return regime


def test_results_and_family_default_to_experiment_and_claim():
    regime = _parsed()
    assert (regime.results, regime.family, regime.table) == ("question", "C99", "runs")
    assert (regime.low, regime.high) == (float("-inf"), 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "diference"}, "rule=diference: use one of bound, difference, equivalence, order, trend, identity."),
        ({"reduce": "median"}, "reduce=median: use one of mean, min, max."),
        ({"rule": "difference"}, "a difference without `against`."),
        ({"against": {"act": "relu"}}, "a bound with `against`."),
        ({"rule": "trend"}, "a trend without `over`."),
        ({"over": "layer_index"}, "a bound with `over`."),
        ({"claimed": [2, 1]}, "claimed=[2, 1]: give [low, high], null for no bound on a side."),
        ({"claimed": [None, None]}, "claimed=[None, None]: give [low, high], null for no bound on a side."),
        ({"claimed": [1]}, "claimed=[1]: give [low, high], null for no bound on a side."),
    ],
)
def test_an_invalid_regime_is_refused(changes, message):
    with pytest.raises(ClaimError) as error:
        _parsed(**changes)
    assert str(error.value) == f"The claim C99 of experiments/question.yaml has {message}"


def test_a_claim_with_missing_or_unknown_keys_is_refused():
    with pytest.raises(ClaimError) as error:
        parse("question", [{"id": "C99", "statement": "It is so."}])
    assert str(error.value) == (
        "The claim C99 of experiments/question.yaml lacks regimes, source: a claim has id, regimes, source, statement."
    )
    with pytest.raises(ClaimError) as error:
        _parsed(margin=1)
    assert str(error.value) == (
        "The claim C99 of experiments/question.yaml has a regime with margin: a regime has regime, rule, column, "
        "claimed, n, table, where, against, over, reduce, results, family, explains."
    )
    with pytest.raises(ClaimError) as error:
        parse("question", [{**ENTRY, "regimes": [{"regime": "always", "rule": "bound"}]}])
    assert str(error.value) == (
        "The claim C99 of experiments/question.yaml has a regime that lacks 'column', 'claimed', and 'n'."
    )


def test_every_claim_in_experiments_is_valid():
    claims = decide.claims()
    assert [claim.id for claim in claims] == sorted({claim.id for claim in claims})
    for claim in claims:
        assert claim.statement.endswith(".")
        assert len({regime.regime for regime in claim.regimes}) == len(claim.regimes)
        for regime in claim.regimes:
            assert regime.n >= 10 or (regime.rule == "identity" and regime.n == 1)
