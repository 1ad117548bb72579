"""`python -m actbench.properties`: the facts of every activation, or of the one that is named, printed and written."""

import sys
from pathlib import Path

import pandas as pd
import torch

from actbench import function_tables, functions
from actbench.curves import curves_of
from actbench.distances import distances
from actbench.facts import Fact, facts_of
from actbench.functions import NamedFunction
from actbench.identities import identities, overflows
from actbench.points import points

FOLDER = Path("results/functions")
HELP = """\
python -m actbench.properties                            all of conf/act/, written to results/functions/tables/
python -m actbench.properties +act=elu act.alpha=0.5     one, with its parameters
python -m actbench.properties +act=custom act._target_=mypackage.f +act.p=2     your own
"""


def main(arguments: list[str]) -> int:
    """Exit code 2, and one sentence, for what the user can put right."""
    torch.set_num_threads(1)
    if {"--help", "-h"} & set(arguments):
        print(HELP, end="")
        return 0
    try:
        if arguments:
            frame = facts_frame([functions.read(arguments)])
            print(frame.drop(columns="function").to_string(index=False, na_rep=""))
        else:
            print(publish(FOLDER).to_string(index=False, float_format=lambda x: function_tables.number(x)))
    except ValueError as error:
        print(f"actbench.properties: {error}", file=sys.stderr)
        return 2
    return 0


def publish(folder: Path) -> pd.DataFrame:
    """Compute everything about every activation of conf/act/ and write it; the comparison is returned."""
    named = [functions.load(name) for name in functions.names()]
    properties = facts_frame(named)
    compared = function_tables.comparison(properties)
    function_tables.write(properties, folder, "properties")
    compared.to_csv(folder / "tables" / "comparison.csv", index=False)
    function_tables.write(pd.concat(map(curves_of, named), ignore_index=True), folder, "curves", csv=False)
    for table in (distances, points, identities, overflows):
        function_tables.write(table(), folder, table.__name__)
    return compared


def facts_frame(named: list[NamedFunction]) -> pd.DataFrame:
    """The facts of some functions as the table `properties`.

    Raises:
        ValueError: If a function fails when it is called; the message is the function's own.
    """
    rows = [{"function": one.name, **vars(fact)} for one in named for fact in _facts(one)]
    return pd.DataFrame(rows, columns=function_tables.PROPERTIES)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
