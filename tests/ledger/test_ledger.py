"""The ledger from tables alone: evidence, families, the files that it writes, its error messages."""

import re

import numpy as np
import pandas as pd
import pytest
from pages import line

from actbench.ledger import decide
from actbench.ledger.claims import Claim, ClaimError, Regime
from actbench.tables import schema, store

pytestmark = pytest.mark.usefixtures("unrendered")


@pytest.fixture
def root(tmp_path):
    """Two activations on ten seeds; `silky` has a lower loss, and its beta goes from 1 to 2 in both layers."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.01, 10)
    runs = [
        {"run_id": act, "seed": seed, "status": "done", "epoch": 1, "step": 5, "protocol": 2, "commit": "abc",
         "act": act, "act.beta": 1.0, "test_loss": level + noise[seed] + 0.001 * rng.normal()}
        for act, level in (("silky", 0.1), ("rough", 0.3))
        for seed in range(10)
    ]  # fmt: skip
    layers = [
        {"run_id": "silky", "seed": seed, "epoch": 1, "step": 5, "layer_index": layer, "layer": f"l{layer}",
         "grad_rms": 0.5**layer, "act.beta": 2.0}
        for seed in range(10)
        for layer in (1, 2)
    ]  # fmt: skip
    store.land(schema.from_rows(runs=runs, layers=layers), tmp_path / "question" / "tables")
    return tmp_path


def _claim(*regimes: Regime) -> Claim:
    return Claim("C99", "Silky is lower.", "a test", "question", regimes)


LOWER = Regime(
    "lower", "difference", "test_loss", (None, 0), 10,
    where={"act": "silky"}, against={"act": "rough"}, results="question", family="C99",
)  # fmt: skip


def test_evidence_has_learned_parameters_beside_the_config(root):
    frame = decide.Evidence(root).frame("question", "layers")
    assert set(frame["learned.beta"]) == {2.0}
    assert set(frame["act.beta"]) == {1.0}
    gains = decide.Evidence(root).frame("question", "vanishing")
    np.testing.assert_allclose(gains["gain"], np.log(2))
    assert decide.Evidence(root).frame("elsewhere", "runs") is None
    assert decide.Evidence(root).frame("question", "facts") is None
    assert decide.Evidence(root).frame("question", "statistics/properties") is None
    (root / "question" / "statistics").mkdir()
    (root / "question" / "statistics" / "properties.csv").write_text("measure,rho\nnone,0.5\n", encoding="utf-8")
    (statistic,) = decide.Evidence(root).frame("question", "statistics/properties").to_dict("records")
    assert statistic == {"measure": "none", "rho": 0.5}


def test_a_claim_is_decided_and_written(root, monkeypatch):
    higher = Regime(**{**vars(LOWER), "regime": "higher", "claimed": (0, None)})
    missing = Regime(**{**vars(LOWER), "regime": "later", "results": "elsewhere"})
    monkeypatch.setattr(decide, "claims", lambda: [_claim(LOWER, higher, missing)])
    path = decide.write(root)
    ledger = pd.read_csv(root / "ledger" / "ledger.csv")
    assert list(ledger["verdict"]) == ["supported", "refuted", "not measured"]
    assert set(ledger["verdict_on_claim"]) == {"not measured"}
    runs = store.collect(root / "question").runs.pivot_table("test_loss", "seed", "act")
    np.testing.assert_allclose(ledger["mean"][0], (runs["silky"] - runs["rough"]).mean())
    assert ledger["measured"][0] == "PROTOCOL 2, commit abc"
    assert ledger["rule"][0] == "runs.test_loss at act=silky, compared with act=rough seed by seed: below 0; n = 10"
    assert path.is_file()
    assert (root / "ledger" / "figures" / "C99.png").is_file()
    text = (root / "ledger" / "report.md").read_text(encoding="utf-8")
    assert _counts(text) == [{"not measured": 1}, {"supported": 1, "refuted": 1, "not measured": 1}]


def test_runs_of_an_older_protocol_have_no_part(root):
    """One seed measured anew leaves the regime without the others: seeds of two PROTOCOLs are never paired."""
    published = store.collect(root / "question")
    newer = published.runs[published.runs["seed"] == 0]
    newer = newer.assign(run_id=newer["run_id"] + "-new", protocol=3, test_loss=newer["test_loss"] + 5.0)
    store.land(published._replace(runs=newer), root / "question" / "runs" / "new")
    runs = decide.Evidence(root).frame("question", "runs")
    assert runs["run_id"].tolist() == ["rough-new", "silky-new"]
    assert decide.Evidence(root).source("question") == "PROTOCOL 3, commit abc"
    (decision,) = decide.decide_claim(_claim(LOWER), decide.Evidence(root))
    assert (decision.verdict, len(decision.values)) == ("inconclusive", 1)


def test_a_regime_that_explains_does_not_change_the_verdict(root, monkeypatch):
    """It has a separate table and family, so the p-values of the other regimes are the same as without it."""
    higher = Regime(**{**vars(LOWER), "regime": "higher", "claimed": (0, None), "explains": True, "family": "because"})
    fact = Regime("exact", "identity", "error", (0, 0), 1, table="cost", results="facts", explains=True)
    claim = _claim(LOWER, higher, fact)
    monkeypatch.setattr(decide, "claims", lambda: [claim])
    decide.write(root)
    ledger = pd.read_csv(root / "ledger" / "ledger.csv")
    assert list(ledger["verdict_on_claim"]) == ["supported"] * 3
    assert list(ledger["explains"]) == [False, True, True]
    alone = decide.decide_claim(_claim(LOWER), decide.Evidence(root))
    assert ledger["p_supported"][0] == alone[0].p_supported
    text = (root / "ledger" / "report.md").read_text(encoding="utf-8")
    assert _counts(text) == [{"supported": 1}, {"supported": 1}]
    before, after = text.split("What explains it:\n")
    row = "| higher (adjusted within because) |"
    assert ("| lower |" in before, row in before, row in after) == (True, False, True)
    commands = re.findall(r"`(.*?)`", line(text, "Repeat: "))
    assert commands == ["python -m actbench +experiment=question", "python -m actbench.catalogue --cost"]


def _counts(page: str) -> list[dict[str, int]]:
    """How many claims, and how many regimes, have each verdict."""
    claims, regimes = line(page, "- Of the claims ").rstrip(".").split("; of their regimes ")
    return [
        {verdict: int(count) for count, verdict in re.findall(r"(\d+) ([a-z ]+)", part)} for part in (claims, regimes)
    ]


def test_a_missing_column_is_named(root):
    wrong = Regime(**{**vars(LOWER), "where": {"model.deep": 4}})
    with pytest.raises(
        ClaimError, match=r"^C99, regime 'lower': There is no column model.deep: the columns are run_id, "
    ):
        decide.decide_claim(_claim(wrong), decide.Evidence(root))


def test_two_claims_with_the_same_id_are_refused(tmp_path, monkeypatch):
    text = (
        "claims:\n  - id: C99\n    statement: So.\n    source: a test\n    regimes:\n"
        "      - {regime: r, rule: bound, column: test_loss, claimed: [0, 1], n: 10}\n"
    )
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(decide.options, "options", lambda group: {p.stem: p for p in sorted(tmp_path.glob("*.yaml"))})
    with pytest.raises(ClaimError) as error:
        decide.claims()
    assert str(error.value) == "Two claims have the id C99, in one.yaml and two.yaml: give one of them another id."
