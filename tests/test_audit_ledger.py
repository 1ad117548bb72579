"""Every atom, published or invented, is what other code makes of its tables, see audit_claims.py."""

import re
from collections import Counter
from pathlib import Path

import audit_claims
import evidence
import numpy as np
import pandas as pd
import pytest
from audit import CLAIMS

from actbench.ledger import decide, parse, tables, why, words
from actbench.ledger.evidence import Evidence
from actbench.tables import store
from actbench.tables.bits import pack

RESULTS = Path(__file__).resolve().parent.parent / "results"
LEDGER = RESULTS / "ledger"
ONE_WORKER = pytest.mark.xdist_group("invented ledger")  # its folders are made once


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(LEDGER / name, keep_default_na=False, na_values=[""])


ATOMS, CASES = _read("ledger.csv"), _read("cases.csv")
EVIDENCE = Evidence(RESULTS)
REPORT = (LEDGER / "report.md").read_text(encoding="utf-8")


@pytest.mark.published
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_decided_by_its_tables(claim):
    audit_claims.check(claim, audit_claims.decided(RESULTS, claim), ATOMS, CASES)


@pytest.mark.published
def test_every_row_belongs_to_a_claim():
    assert list(dict.fromkeys(ATOMS["claim"])) == [claim.id for claim in CLAIMS]


def _cells(text: str) -> list[list[str]]:
    """The cells of every table row of a page, as they read."""
    rows = [line.strip("|") for line in text.splitlines() if line.startswith("| ")]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", row)] for row in rows]


@pytest.mark.published
def test_the_report_counts_the_verdicts_of_the_ledger():
    verdicts = ATOMS.groupby("claim")["verdict_on_claim"].first()
    (sentence,) = re.findall(r"^\*\*Of 24 claims: (.*?)\.\*\*", REPORT, flags=re.MULTILINE)
    assert {name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", sentence)} == Counter(verdicts)
    rows = re.findall(r"^\| \[(C\d\d)\]\(C\d\d\.md\) [^|]*\| \W ([a-z ]+) \|.*\|$", REPORT, flags=re.MULTILINE)
    assert dict(rows[:24]) == verdicts.to_dict()


@pytest.mark.published
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_page_of_a_claim_has_the_verdict_of_each_atom_and_its_figure(claim):
    text, atoms = (LEDGER / f"{claim.id}.md").read_text(encoding="utf-8"), ATOMS[ATOMS["claim"] == claim.id]
    cells = {row[1]: row[0] for row in _cells(text) if len(row) in (4, 5)}
    assert {atom: cells[states][2:] for atom, states in zip(atoms["atom"], atoms["states"], strict=True)} == dict(
        zip(atoms["atom"], atoms["verdict"], strict=True)
    )
    assert f" {atoms['verdict_on_claim'].iloc[0]}.**" in text
    names = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert names in ([], [f"figures/{claim.id}.png"])
    assert names or (atoms["n"].max() == 0 or atoms.loc[atoms["n"] > 0, ["low", "high"]].nunique(axis=1).max() == 1)
    for name in names:
        assert (LEDGER / name).read_bytes().startswith(b"\x89PNG"), name


def _classifier(rng: np.random.Generator, errors: float, *, seeds: int) -> dict:
    """Errors of about this many in 500 images, some of which are hard for every seed."""
    hard = np.linspace(0, 2, 500) ** 4
    wrong = rng.random((seeds, 500)) < hard / hard.mean() * errors / 500
    rates = wrong.mean(axis=1)
    return {
        "test_accuracy": 1 - rates, "test_right": [pack(~row) for row in wrong], "num_test_images": 500.0,
        "val_accuracy": 1 - rates - rng.normal(0, 0.002, seeds), "val_loss": rates * 3,
        "test_loss": rates * 3 + rng.exponential(0.1, seeds), "track": "tuned",
        "epochs_to_target": np.where(rng.random(seeds) < 0.8, rng.integers(1, 6, seeds), np.inf) + errors // 50,
    }  # fmt: skip


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    """Runs of several functions, with layers, and a few of them on tuning seeds, so many atoms are near an end."""
    root, rng = tmp_path_factory.mktemp("invented"), np.random.default_rng(5)
    functions = {"relu": 50.0, "tanh": 54.0, "elu": 50.5, "sigmoid": 80.0, "silu": 46.0}
    layers = [
        {"run_id": f"{act}-0", "seed": seed, "epoch": 1, "step": step, "layer_index": layer, "layer": f"l{layer}",
         "out_ratio": errors / 50 + layer + rng.normal(0, 0.1), "out_mean": rng.normal(0.01 * layer, 0.02),
         "grad_rms": 0.5**layer * rng.uniform(0.9, 1.1), "saturation_low": rng.uniform(), "saturation_high": 0.01,
         "act.beta": 1 + 0.07 * (step > 0) + rng.normal(0, 0.03)}
        for act, errors in functions.items() for seed in range(40) for step in (0, 5) for layer in (1, 2, 3)
    ]  # fmt: skip
    columns = {act: _classifier(rng, errors, seeds=40) for act, errors in functions.items()}
    columns["relu"]["test_loss"][33] = np.nan
    evidence.folder(root, "here", columns, layers=layers)
    evidence.folder(root, "few", {act: _classifier(rng, errors, seeds=10) for act, errors in functions.items()})
    tuning = {
        f"{act} {lr}": {**_classifier(rng, scale * errors, seeds=10), "act": act, "optim.lr": lr}
        for act, errors in functions.items()
        for lr, scale in ((0.1, 1), (1.0, 2))
    }
    evidence.folder(root, "tuning", tuning, first_seed=1000)
    for name in ("here", "few", "tuning"):
        store.compact(root / name)
    return root


HERE = {"results": "here"}
TANH, ELU = {**HERE, "where": {"act": "tanh"}}, {**HERE, "where": {"act": "elu"}}
AGAINST = {**TANH, "against": {"act": "relu"}}
OTHERS = {**HERE, "cases": {"act": ["tanh", "elu", "silu"]}, "against": {"act": "relu"}}
LAST = {**HERE, "table": "layers", "where": {"act": "elu", "step": "last"}}
LOSS = {"column": "test_loss", "claimed": [0.9, 1.1]}
MEANS = {**LAST, "rule": "bound", "column": "out_mean"}
CHOSEN = {**OTHERS, "needs": "any", "chosen_on": {"results": "tuning"}}
COMPUTED = {**HERE, "rule": "computed", "table": "layers"}
FAMILIES = {
    "errors": {rule: {**OTHERS, "rule": rule} for rule in ("no_worse", "equivalent", "better", "lower")},
    "most": {r: {**OTHERS, "rule": r, "needs": "most"} for r in ("no_worse", "worse", "differs", "equivalent")},
    "alone": {
        "at_least": {**AGAINST, "rule": "at_least", "margin": 1.02},
        "wide": {**AGAINST, "rule": "no_worse", "margin": 1.25},
    },
    "folders": {
        "both": {
            "rule": "lower",
            "where": {"act": "silu"},
            "against": {"act": "relu"},
            "cases": [{"results": "here"}, {"results": "few", "seeds": 10}],
        },
        "elsewhere": {**TANH, "rule": "lower", "against": {"results": "few", "act": "sigmoid"}, "looks": [10]},
        "short": {**AGAINST, "rule": "lower", "looks": [10, 20]},
    },
    "numbers": {
        "difference": {**AGAINST, "rule": "difference", "column": "test_loss", "claimed": [0, 0.1]},
        "ratio": {**AGAINST, "rule": "log_ratio", **LOSS},
        "other": {**AGAINST, "rule": "log_ratio", **LOSS, "outside": True},
        "skewed": {**HERE, "rule": "bound", "where": {"act": "relu"}, "column": "test_loss", "claimed": [None, 0.45]},
    },
    "layers": {
        "drift": {**MEANS, "reduce": "last_first", "claimed": [0.02, None]},
        "rms": {**MEANS, "reduce": "rms", "claimed": [0, 0.03]},
        "most": {**MEANS, "reduce": "max_abs", "claimed": [None, 0.05]},
        "both": {**MEANS, "column": "saturation", "claimed": [0.5, None]},
        "slope": {**MEANS, "rule": "trend", "over": "layer_index", "claimed": [0.009, None]},
    },
    "distances": {
        "near": {**ELU, "rule": "distance", "against": {"act": "relu"}, "than": {"act": "silu"}},
        "left": {**TANH, "rule": "left_start", "column": "learned.beta"},
        "gain": {**LAST, "rule": "bound", "table": "vanishing", "column": "gain", "claimed": [0.6, 0.7]},
        "sooner": {**HERE, "rule": "sooner", "where": {"act": "relu"}, "against": {"act": "sigmoid"}},
    },
    "chosen": {
        "any": {**CHOSEN, "rule": "lower", "where": {"track": "tuned"},
                "chosen_on": {"results": "tuning", "without": ["track"]}},
        "differs": {**CHOSEN, "rule": "differs"},
        "elsewhere": {**CHOSEN, "rule": "lower", "against": {"results": "few", "act": "sigmoid"}, "looks": [10]},
        "best": {**ELU, "rule": "no_worse", "against": {"act": ["relu", "silu", "sigmoid"]},
                 "best_of": {"results": "tuning"}},
    },
    "computed": {
        "probes": {**COMPUTED, "column": "grad_rms", "claimed": [0, 1]},
        "mean": {**COMPUTED, "column": "out_mean", "reduce": "mean", "claimed": [0.5, 1]},
    },
    "missing": {"no": {**AGAINST, "rule": "lower", "results": "nowhere"}, "yes": {**AGAINST, "rule": "lower"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(invented):
    """A claim for each of FAMILIES, decided."""
    decided, evidence_of = {}, Evidence(invented)
    for name, entries in FAMILIES.items():
        falsifiable = () if any(keys.get("needs") == "any" for keys in entries.values()) else ("false",)
        claim = evidence.claim(("true", "undecided", "partly", *falsifiable), **entries)
        decided[name] = claim, decide.decide_claim(claim, evidence_of)
    return decided


@ONE_WORKER
@pytest.mark.parametrize("name", FAMILIES)
def test_an_invented_claim_is_decided_as_other_code_decides_it(invented, ledger, name):
    claim = ledger[name][0]
    atoms, cases = tables.atoms([ledger[name]], Evidence(invented)), tables.cases([ledger[name]])
    expected = audit_claims.decided(invented, claim)
    audit_claims.check(claim, expected, atoms, cases)
    for column in ("verdict", "mean", *(("p",) if name != "computed" else ())):
        with pytest.raises(AssertionError):
            audit_claims.check(claim, expected, atoms.assign(**{column: 0.123}), cases)


@ONE_WORKER
def test_the_invented_claims_have_every_verdict(ledger):
    found = Counter(one.verdict for _, decided in ledger.values() for one in decided)
    assert set(found) >= {"true", "false", "undecided", "not measured"}, found
    assert min(found["true"], found["false"], found["undecided"]) >= 4, found


@pytest.mark.published
def test_the_page_is_made_of_the_published_tables(tmp_path):
    ledger = [(claim, decide.decide_claim(claim, EVIDENCE)) for claim in CLAIMS]
    assert tables.atoms(ledger, EVIDENCE).to_csv(index=False) == (LEDGER / "ledger.csv").read_text(encoding="utf-8")
    assert tables.cases(ledger).to_csv(index=False) == (LEDGER / "cases.csv").read_text(encoding="utf-8")
    assert tables.claims(ledger).to_csv(index=False) == (LEDGER / "claims.csv").read_text(encoding="utf-8")
    assert tables.sentences(ledger).to_csv(index=False) == (LEDGER / "sentences.csv").read_text(encoding="utf-8")
    for claim, decided in ledger:
        assert words.finding(claim, decided) in REPORT.replace("\\", "")
        cells = {cell for row in _cells((LEDGER / f"{claim.id}.md").read_text(encoding="utf-8")) for cell in row}
        assert {words.sentence(one) for one in decided if one.verdict != "not measured"} <= cells


@pytest.mark.published
@pytest.mark.parametrize("path", sorted((parse.FOLDER / "why").glob("*.md")), ids=lambda path: path.stem)
def test_the_reasons_given_for_a_verdict_stand_on_its_page_with_their_numbers(path):
    claim = next(claim for claim in CLAIMS if claim.id == path.stem)
    decided = decide.decide_claim(claim, EVIDENCE)
    if decide.verdict(decided) == "not measured":
        pytest.skip("The claim is not decided by what is published.")
    text = why.read(claim, decided, parse.FOLDER).text
    assert text
    assert text in (LEDGER / f"{claim.id}.md").read_text(encoding="utf-8")
