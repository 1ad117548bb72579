"""The page with the tables of all activations: verdicts, and properties."""

from pathlib import Path

import pandas as pd

from actbench.report import page
from actbench.report.numbers import rounded
from actbench.report.page import Markdown, escape, table
from actbench.site import cost, places
from actbench.site.situations import SITUATIONS
from actbench.site.sources import Catalogue
from actbench.tables.functions import Facts
from actbench.tables.schema import REFERENCE

TEMPLATES = Path(__file__).with_name("templates")


def text(catalogue: Catalogue) -> str:
    """The page as Markdown."""
    rows = catalogue.places[catalogue.places["reference"] == REFERENCE]
    compared = [one for one in SITUATIONS if len(one.rows(rows))]
    verdicts = [["function", "time / ReLU's", *(f"{one.place}, {one.track}" for one in compared)]]
    properties = [["function", "values", "monotonic", "jumps or kinks at", "saturates"]]
    for name, facts in catalogue.facts.items():
        place, times = link(name, catalogue), cost.ratio(cost.of(name, catalogue.tables["cost"]))
        verdict = [_verdict(name, one.rows(rows)) for one in compared]
        verdicts.append([place, "" if times is None else rounded(times), *verdict])
        properties.append([place, *_properties(facts)])
    return page.template(TEMPLATES / "activations.md.j2").render(
        num=len(catalogue.facts),
        reference=REFERENCE,
        within=places.within_margin(),
        verdicts=table(verdicts),
        properties=table(properties),
    )


def link(name: str, catalogue: Catalogue) -> Markdown:
    return Markdown(f"[{escape(name)}]({name}.md)") if name in catalogue.facts else escape(name)


def _properties(facts: Facts) -> list[str]:
    """Values, monotonic, jumps or kinks, saturates."""
    breaks = [facts.kinks(order) for order in (0, 1)]
    ends = facts.value("saturation_low_0.01"), facts.value("saturation_high_0.01")
    sides = [side for side, end in zip(("left", "right"), ends, strict=True) if abs(end) != float("inf")]
    return [
        facts.range(),
        facts.text("monotonic"),
        ", ".join(text for text in breaks if text != "none") or "none",
        " and ".join(sides) or "no",
    ]


def _verdict(name: str, rows: pd.DataFrame) -> str:
    return next(iter(rows[rows["variant"] == name]["verdict"]), "")
