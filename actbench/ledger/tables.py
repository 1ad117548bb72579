"""The ledger's tables: a row for each claim, for each atom, for each case; the sentence of each atom."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from actbench.compare.significance import is_varied
from actbench.ledger import activations, claimed, decide, words
from actbench.ledger.claims import Claim
from actbench.ledger.decided import Decided
from actbench.ledger.evidence import Evidence

Ledger = Sequence[tuple[Claim, Sequence[Decided]]]  # every claim with its atoms


def claims(ledger: Ledger) -> pd.DataFrame:
    """A row for each claim: what is said, what became of it, the activations and the results folders in its atoms."""
    titles = activations.titles()
    rows = [
        {
            "claim": claim.id,
            "says": claim.says,
            "verdict": (verdict := decide.worded(decide.verdict(decided))),
            "mark": words.MARKS[verdict],
            "finding": words.finding(claim, decided),
            "activations": " ".join(activations.of_claim(claim, titles=titles)),
            "results": " ".join(folders(claim)),
        }
        for claim, decided in ledger
    ]
    return pd.DataFrame(rows)


def folders(claim: Claim) -> list[str]:
    """The results folders in which a claim is decided."""
    return list(dict.fromkeys(case.results for atom in claim.atoms for case in atom.cases))


def sentences(ledger: Ledger) -> pd.DataFrame:
    """A row for each atom, for the reports of experiments: what it measures, of which activation, its sentence.

    `is_relative` says whether its numbers are changes against a reference.
    """
    rows = [
        {
            "claim": claim.id,
            "atom": one.atom.name,
            "column": one.atom.column,
            "act": activations.of_atom(one.atom),
            "is_relative": claimed.is_relative(one.atom),
            "sentence": words.sentence(one),
        }
        for claim, decided in ledger
        for one in decided
    ]
    return pd.DataFrame(rows)


def atoms(ledger: Ledger, evidence: Evidence) -> pd.DataFrame:
    """A row for each atom; mean, low and high are those of the case that speaks least for it.

    `look` counts the looks from 1; q speaks for the contrary, p against the statement, and *_holm are adjusted for the
    family at that look. Without seeds there is neither.
    """
    return pd.DataFrame([
        {
            "claim": claim.id,
            "verdict_on_claim": decide.worded(decide.verdict(decided)),
            "atom": one.atom.name,
            "kind": one.atom.kind,
            "states": one.atom.states,
            "rule": one.atom.rule,
            "needs": one.atom.needs if len(one.atom.cases) > 1 else "",
            "verdict": one.verdict,
            "n": one.fields["n"],
            "look": one.look,
            **{name: getattr(one.outcome, name, np.nan) for name in ("p", "q", "p_holm", "q_holm")},
            **{name: getattr(one.worst, name) for name in ("mean", "low", "high")},
            "worst": one.worst.name,
            "cases": len(one.atom.cases),
            "holding": one.fields["holding"],
            "chosen": one.chosen,
            "price": one.price,
            "results": ", ".join(dict.fromkeys(case.results for case in one.atom.cases)),
            "measured": "; ".join(filter(None, dict.fromkeys(evidence.source(c.results) for c in one.atom.cases))),
        }
        for claim, decided in ledger
        for one in decided
    ])  # fmt: skip


def cases(ledger: Ledger) -> pd.DataFrame:
    """A row for each case that has numbers; p and q are its own, not adjusted."""
    columns = ["results", "mean", "low", "high", "n", "p", "q", "level", "reference"]
    rows = [
        {"claim": claim.id, "atom": one.atom.name, "case": estimate.name}
        | {name: getattr(estimate, name) for name in columns}
        for claim, decided in ledger
        for one in decided
        for estimate in one.estimates
    ]
    return pd.DataFrame(rows, columns=["claim", "atom", "case", *columns])


def numbers(decided: Sequence[Decided]) -> np.ndarray:
    """The numbers (atoms, seeds) of the claimed atoms that are tested by t, those of their first cases."""
    bounds = [
        one.settings[0].tested.bounds[0].values
        for one in decided
        if one.atom.kind == "claimed" and one.settings and not one.settings[0].tested.exact
    ]
    n = min((int(np.isfinite(values).cumprod().sum()) for values in bounds), default=0)
    values = np.array([values[:n] for values in bounds]) if n >= 10 else np.zeros((0, 0))
    return values[is_varied(values)] if len(values) else values
