"""The properties of the activations, written as the tables of results/functions/."""

from pathlib import Path

import pandas as pd

from actbench.catalogue import entries
from actbench.catalogue.curves import curves_of
from actbench.catalogue.distances import distances
from actbench.catalogue.entries import NamedFunction
from actbench.catalogue.identities import identities, overflows
from actbench.catalogue.points import points
from actbench.functions.facts import Fact, facts_of
from actbench.tables import atomic, functions


def publish(folder: Path) -> pd.DataFrame:
    """Compute and write all properties of all activations of conf/act/; return the table that compares them."""
    activations = [entries.load(name) for name in entries.names()]
    properties = facts_frame(activations)
    comparison = functions.comparison(properties)
    functions.write(properties, folder, "properties")
    atomic.write_text(folder / "tables" / "comparison.csv", comparison.to_csv(index=False))
    functions.write(pd.concat(map(curves_of, activations), ignore_index=True), folder, "curves", csv=False)
    for table in (distances, points, identities, overflows):
        functions.write(table(), folder, table.__name__)
    return comparison


def facts_frame(activations: list[NamedFunction]) -> pd.DataFrame:
    """The facts of some activations as the table `properties`.

    Raises:
        ValueError: If a function fails when it is called; the message quotes the function's error.
    """
    rows = [{"function": activation.name, **vars(fact)} for activation in activations for fact in _facts(activation)]
    return pd.DataFrame(rows, columns=functions.PROPERTIES)


def _facts(activation: NamedFunction) -> list[Fact]:
    parameters = ", ".join(f"{name}={value}" for name, value in activation.parameters.items()) or "none"
    definition = [Fact("formula", text=activation.formula), Fact("parameters", text=parameters)]
    try:
        return [*definition, *facts_of(activation.f)]
    except ValueError:
        raise
    except Exception as error:  # a user's function may raise anything; the user sees one sentence
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "without a message"
        raise ValueError(
            f"{activation.name} with {parameters} raised {type(error).__name__} ({reason.rstrip('.')}) "
            "for a float64 tensor. Give a function of one tensor that works for any shape."
        ) from error
