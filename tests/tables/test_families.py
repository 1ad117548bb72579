"""The family of a function: by its facts, and the file of the published ones."""

from pathlib import Path

import pandas as pd
import pytest

from actbench.tables import families, functions
from actbench.tables.functions import Facts

CATALOGUE = Path(__file__).parents[2] / "results" / "functions"


def test_the_file_says_what_the_published_facts_say() -> None:
    groups = functions.read(CATALOGUE, "properties").groupby("function")
    assert families.published() == {str(name): families.family(Facts(facts)) for name, facts in groups}


def test_every_function_of_the_catalogue_is_in_the_file() -> None:
    assert families.published().keys() == set(functions.read(CATALOGUE, "properties")["function"])


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"range_inf": 0, "range_sup": 6, "num_kinks": 2}, "bounded"),
        ({"left": 0, "right": 1, "num_kinks": 1}, "kinked rectifiers"),
        ({"left": 0, "right": 1, "num_jumps": 1}, "kinked rectifiers"),
        ({"left": 0.25, "right": 1, "num_kinks": 1}, "kinked rectifiers"),
        ({"left": 0, "right": 1}, "smooth rectifiers"),
        ({"left": 1, "right": 0}, "smooth rectifiers"),  # as log σ
        ({"left": 0, "right": None}, "smooth rectifiers"),  # faster than any line, as z²
        ({"left": 1, "right": 1, "second_moment": 0.3}, "shrinkers"),
        ({"left": 1, "right": 1, "second_moment": 1.0}, "others"),  # the identity
        ({"left": -1, "right": 1, "second_moment": 0.3}, "others"),  # as |z|
        ({"left": None, "right": None}, "others"),
    ],
)
def test_a_family_follows_from_the_facts(facts: dict, expected: str) -> None:
    sides = {f"asymptote_{side}_slope": facts.pop(side) for side in ("left", "right") if facts.get(side) is not None}
    values = {"range_inf": -float("inf"), "range_sup": float("inf"), "num_kinks": 0, "num_jumps": 0} | sides
    values |= {name: value for name, value in facts.items() if name not in ("left", "right")}
    table = pd.DataFrame({"property": list(values), "value": [float(value) for value in values.values()]})
    assert families.family(Facts(table.assign(index=0, text="", error=1e-9, method=""))) == expected
