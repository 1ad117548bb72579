"""The activations of which a claim speaks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from actbench.command import options
from actbench.ledger.claims import Claim

_COLUMNS = ("act", "function", "variant")  # in which an activation is named
_IN_WORDS = ("identity", "pair")
_SIDES = re.compile(r" [→~=] ")


def titles() -> dict[str, str]:
    """What each activation is called in the first line of its file: hardsigmoid is `Hard sigmoid`."""
    return {name: options.describe(file).partition(":")[0] for name, file in options.options("act").items()}


def of_claim(claim: Claim, *, titles: Mapping[str, str]) -> list[str]:
    """The activations in the rows that its atoms compare, in their order, without those that a comparison lists."""
    found: dict[str, None] = {}
    for atom in claim.atoms:
        for case in atom.cases:
            for rows in (case.where, case.against, case.than):
                found |= dict.fromkeys(name for text in _texts(rows) for name in sorted(named(text, titles=titles)))
                found |= dict.fromkeys(name for name in _names(rows) if name in titles)
    return list(found)


def named(text: str, *, titles: Mapping[str, str]) -> set[str]:
    """The activations that an identity `f(1) = z g(z)` names in any word, or a pair `f → g` as one of its sides."""
    words = set(re.findall(r"\w+", text)) if " = " in text else set()
    sides = {_plain(side) for side in _SIDES.split(text)}
    return {name for name, title in titles.items() if name in words or {_plain(name), _plain(title)} & sides}


def _names(rows: Mapping[str, Any]) -> Iterator[str]:
    for column in _COLUMNS:
        value = rows.get(column, [])
        yield from map(str, value if isinstance(value, list) else [value])


def _texts(rows: Mapping[str, Any]) -> Iterator[str]:
    for column in _IN_WORDS:
        value = rows.get(column, [])
        yield from map(str, value if isinstance(value, list) else [value])


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.partition(" on |")[0].lower())
