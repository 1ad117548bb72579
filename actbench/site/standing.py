"""How an activation fares against the reference in the situations that a reader may have, in sentences."""

import pandas as pd

from actbench.compare.errors import MARGIN
from actbench.report.numbers import enumeration
from actbench.site.places import FAILED
from actbench.site.situations import RATES, SITUATIONS, Situation
from actbench.tables.schema import REFERENCE

_VERDICTS = {
    "better": "better",
    "equivalent": f"as good within {100 * MARGIN:.0f} %",
    "worse": "worse",
    "undecided": "not told apart",
    FAILED: "a failure",
}
_NAMED = 3  # situations that a sentence names; of more it says the number


def against_reference(name: str, places: pd.DataFrame) -> str:
    """`Against relu, mish is as good within 10 % in an MLP on digits (one learning rate for all); …`"""
    where: dict[str, list[Situation]] = {}
    for situation, rows in _measured(name, places):
        row = rows.iloc[0]
        where.setdefault(FAILED if row["tier"] == FAILED else row["verdict"], []).append(situation)
    if not where:
        return f"No published comparison has {name} and {REFERENCE} in one of the networks of the first page."
    parts = [f"{words} {_in(where[verdict])}" for verdict, words in _VERDICTS.items() if verdict in where]
    return f"Against {REFERENCE}, {name} is {'; '.join(parts)}."


def not_measured(name: str, places: pd.DataFrame) -> list[str]:
    """The networks, `MLP on MNIST`, in which it was not compared on any track."""
    measured = {situation.experiment for situation, _ in _measured(name, places)}
    return list(dict.fromkeys(one.place for one in SITUATIONS if one.experiment not in measured))


def _measured(name: str, places: pd.DataFrame) -> list[tuple[Situation, pd.DataFrame]]:
    """Each situation in which the activation at its defaults was compared, with its row."""
    rows = places[places["variant"] == name]
    pairs = [(situation, situation.rows(rows)) for situation in SITUATIONS]
    return [(situation, found) for situation, found in pairs if len(found)]


def _in(situations: list[Situation]) -> str:
    if len(situations) > _NAMED:
        return f"in {len(situations)} comparisons"
    tracks: dict[str, list[str]] = {}
    for one in situations:
        tracks.setdefault(one.place, []).append(RATES[one.track])
    return "in the " + enumeration(f"{place} (learning rate: {' or '.join(rates)})" for place, rates in tracks.items())
