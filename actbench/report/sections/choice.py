"""What to use, what is about as good as the reference, what to avoid, and of what these seeds cannot tell."""

from collections.abc import Collection

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.report import atoms as of_ledger
from actbench.report import page
from actbench.report.answer import is_choice
from actbench.report.numbers import MISSING
from actbench.report.page import Markdown

_WORDS = {"better": "use", "equivalent": "about as good as {}", "worse": "avoid", "undecided": "cannot tell"}


def table(named: dict[str, Comparison], atoms: pd.DataFrame, *, known: Collection[str]) -> Markdown:
    """A row for each piece of advice, a column for each setting; `known` are the functions that the catalogue has.

    Empty where the question is no choice: nothing is compared, or few variants are and the ledger's atoms answer.
    A cross stands behind what diverged or stayed at chance.
    """
    comparisons = list(named.values())
    if not comparisons or not (any(map(is_choice, comparisons)) or of_ledger.measured(atoms).empty):
        return Markdown("")
    reference = comparisons[0].reference
    rows: list[list[object]] = [["", *(name or "on these seeds" for name in named)]]
    for verdict, words in _WORDS.items():
        cells = [_cell(one, verdict, known=known) for one in comparisons]
        rows.append([words.format(reference), *cells])
    return page.table(rows)


def _cell(comparison: Comparison, verdict: str, *, known: Collection[str]) -> Markdown:
    rows = comparison.verdicts
    names = rows.loc[rows["verdict"] == verdict, "variant"]
    failures = comparison.failures
    failed = set(failures.loc[failures["failed"] > 0, "variant"])
    marked = [f"{link(name, known=known)}{' ✕' * (name in failed)}" for name in names]
    return Markdown(", ".join(marked) or MISSING)


def link(variant: str, *, known: Collection[str]) -> Markdown:
    """The name of a variant, linked to its function in the catalogue where that has it."""
    act = variant.partition(" ")[0]
    return Markdown(f"[{page.escape(variant)}](../functions/report.md#{act})") if act in known else page.escape(variant)


def names(facts: pd.DataFrame) -> set[str]:
    """The functions of the catalogue."""
    return set(facts["function"].dropna().astype(str)) if len(facts) else set()
