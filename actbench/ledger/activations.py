"""The activations of which a claim speaks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actbench.command import options
from actbench.ledger.claims import Atom, Claim
from actbench.tables.functions import named

_COLUMNS = ("act", "function", "variant")  # in which an activation is named
_IN_WORDS = ("identity", "pair")


def titles() -> dict[str, str]:
    """What each activation is called in the first line of its file: hardsigmoid is `Hard sigmoid`."""
    return {name: options.describe(file).partition(":")[0] for name, file in options.options("act").items()}


def of_atom(atom: Atom) -> str:
    """The activation that an atom speaks of; "" where its cases have several, or it compares."""
    acts = {str(case.where.get("act", "")) for case in atom.cases if not case.against}
    return acts.pop() if len(acts) == 1 else ""


def of_claim(claim: Claim, *, titles: Mapping[str, str]) -> list[str]:
    """The activations that its atoms name, in their order."""
    found: dict[str, None] = {}
    for atom in claim.atoms:
        for case in atom.cases:
            for rows in (case.where, case.against, case.than):
                found |= dict.fromkeys(name for name in _values(rows, _COLUMNS) if name in titles)
                for text in _values(rows, _IN_WORDS):
                    found |= dict.fromkeys(sorted(named(text, titles=titles)))
    return list(found)


def _values(rows: Mapping[str, Any], columns: Sequence[str]) -> Iterator[str]:
    for column in columns:
        value = rows.get(column, [])
        yield from map(str, value if isinstance(value, list) else [value])
