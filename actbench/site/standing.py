"""How an activation fares against the reference in the situations that a reader may have, in sentences."""

from collections.abc import Mapping

import pandas as pd

from actbench.compare.tracks import SHARED, TUNED
from actbench.report.numbers import enumeration, interval_of, with_unit
from actbench.site.places import FAILED, within_margin
from actbench.site.situations import SITUATIONS, Situation
from actbench.tables.schema import REFERENCE

# What is said of each verdict, of one comparison and of several.
_ONE = {
    "better": f"is better than {REFERENCE}",
    "equivalent": f"is as good as {REFERENCE}, {within_margin()} of its error,",
    "undecided": f"is undecided against {REFERENCE}",
    "worse": f"is worse than {REFERENCE}",
    FAILED: "fails in at least one run",
}
_SEVERAL = {
    "better": "better",
    "equivalent": f"as good {within_margin()}",
    "undecided": "undecided",
    "worse": "worse",
    FAILED: "a failure in at least one run",
}
TRACKS = {SHARED: "at one learning rate for all", TUNED: "tuned for each"}
_NAMED = 2  # networks that the answer names; of more it says the number


def against_reference(name: str, places: pd.DataFrame) -> str:
    """`In the MLP on digits, mish is as good as relu within 10 % at one learning rate for all (+1 % [−5, 6]), and …`"""
    compared = _compared(name, places)
    if not compared:
        rows = _against_it(places[places["act"] == name])
        found = list(rows["verdict"].mask(rows["tier"] == FAILED, FAILED))
        return _counted(name, found) if found else f"No published sweep compares {name} with {REFERENCE}."
    networks: dict[str, dict[str, list[str]]] = {}
    for situation, row in compared.items():
        said = f"{TRACKS[situation.track]} ({change(row)})"
        networks.setdefault(situation.place, {}).setdefault(_verdict(row), []).append(said)
    if len(networks) > _NAMED:
        return _counted(name, [_verdict(row) for row in compared.values()])
    return " ".join(f"In the {place}, {name} {_clause(found)}." for place, found in networks.items())


def not_measured(name: str, places: pd.DataFrame) -> list[str]:
    """The networks, `MLP on MNIST`, in which it was not compared on any track, with any parameters."""
    rows = places[places["act"] == name]
    measured = {situation.place for situation in SITUATIONS if len(situation.rows(rows))}
    return [place for place in dict.fromkeys(one.place for one in SITUATIONS) if place not in measured]


def change(row: pd.Series) -> str:
    """`−9 % [−15, −2]`: the change of the error against the reference."""
    return with_unit(interval_of(row[["mean", "low", "high", "n"]], scale=100), "%")


def _compared(name: str, places: pd.DataFrame) -> dict[Situation, pd.Series]:
    """The place of the activation at its defaults in each situation in which it was compared."""
    rows = _against_it(places[places["variant"] == name]).rename(columns={"change": "mean"})
    found = {situation: situation.rows(rows) for situation in SITUATIONS}
    return {situation: rows.iloc[0] for situation, rows in found.items() if len(rows)}


def _against_it(places: pd.DataFrame) -> pd.DataFrame:
    """What is compared with the usual reference; older tables name none."""
    return places[places["reference"].isin((REFERENCE, ""))]


def _verdict(row: pd.Series) -> str:
    return FAILED if row["tier"] == FAILED else str(row["verdict"])


def _counted(name: str, verdicts: list[str]) -> str:
    counts = {words: verdicts.count(verdict) for verdict, words in _SEVERAL.items()}
    parts = enumeration(f"{words} in {num}" for words, num in counts.items() if num)
    return f"Against {REFERENCE}, {name} is {parts} of {len(verdicts)} comparison{'s' if len(verdicts) > 1 else ''}."


def _clause(verdicts: Mapping[str, list[str]]) -> str:
    return " and ".join(f"{_ONE[verdict]} {' and '.join(tracks)}" for verdict, tracks in verdicts.items())
