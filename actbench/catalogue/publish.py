"""Everything that is computed of the activations, as the tables of results/functions/."""

from pathlib import Path

import pandas as pd

from actbench.catalogue import entries
from actbench.catalogue.curves import curves_of
from actbench.catalogue.distances import distances
from actbench.catalogue.entries import NamedFunction
from actbench.catalogue.identities import identities, overflows
from actbench.catalogue.points import points
from actbench.functions.facts import Fact, facts_of
from actbench.tables import functions

FOLDER = Path("results/functions")


def publish(folder: Path) -> pd.DataFrame:
    """Compute everything about every activation of conf/act/ and write it; the comparison is returned."""
    named = [entries.load(name) for name in entries.names()]
    properties = facts_frame(named)
    compared = functions.comparison(properties)
    functions.write(properties, folder, "properties")
    compared.to_csv(folder / "tables" / "comparison.csv", index=False)
    functions.write(pd.concat(map(curves_of, named), ignore_index=True), folder, "curves", csv=False)
    for table in (distances, points, identities, overflows):
        functions.write(table(), folder, table.__name__)
    return compared


def facts_frame(named: list[NamedFunction]) -> pd.DataFrame:
    """The facts of some functions as the table `properties`.

    Raises:
        ValueError: If a function fails when it is called; the message is the function's own.
    """
    rows = [{"function": one.name, **vars(fact)} for one in named for fact in _facts(one)]
    return pd.DataFrame(rows, columns=functions.PROPERTIES)


def _facts(one: NamedFunction) -> list[Fact]:
    parameters = ", ".join(f"{name}={value}" for name, value in one.parameters.items()) or "none"
    about = [Fact("formula", text=one.formula), Fact("parameters", text=parameters)]
    try:
        return [*about, *facts_of(one.f)]
    except ValueError:
        raise
    except Exception as error:  # whatever a user's function raises is told in a sentence
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "without a message"
        raise ValueError(
            f"{one.name} with {parameters} raised {type(error).__name__} ({reason.rstrip('.')}) for a float64 tensor. "
            "Give a function of one tensor that works for any shape."
        ) from error
