"""A page for every activation of the catalogue, and their table: activations/."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from actbench.report import page
from actbench.report.functions import facts_table
from actbench.report.numbers import enumeration, rounded
from actbench.report.page import Markdown, escape, table
from actbench.site import diagnosis, pages, places, relatives, sentences, sources
from actbench.site.claims import Claim
from actbench.site.own import Own
from actbench.site.sources import Catalogue
from actbench.tables.functions import Facts, number
from actbench.tables.schema import REFERENCE

TEMPLATES = Path(__file__).with_name("templates")
_VERDICTS = ("better", "equivalent", "worse")  # the first in a sentence, in this order; any other follows
_TRACKS = {"shared": "at one learning rate for all", "tuned": "with each one tuned"}  # the others are corners
_TYPES = ("float32", "bfloat16")


def write(results: Path, to: Path, *, own: Own | None = None) -> list[str]:
    """Write activations/*.md below `to`, none without a function to show; return the pages' paths there."""
    catalogue = sources.read(results, own=own)
    if not catalogue.facts:
        return []
    pages.copy(results / "functions" / "tables" / "properties.csv", results, to)
    texts = {name: _page(name, facts, catalogue, to) for name, facts in catalogue.facts.items()}
    folder = to / "activations"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"index": _index(catalogue), **texts}.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return [f"activations/{name}.md" for name in ("index", *texts)]


def _figure(name: str, catalogue: Catalogue, to: Path) -> Markdown:
    """The path of a function's card, published or drawn here; "" if it has none."""
    if catalogue.own and catalogue.own.name == name:
        return Markdown(f"../{catalogue.own.draw(to)}")
    place = pages.copy(catalogue.results / "functions" / "figures" / f"{name}.png", catalogue.results, to)
    return Markdown(f"../{place}" if place else "")


def _page(name: str, facts: Facts, catalogue: Catalogue, to: Path) -> str:
    """The page of one activation as Markdown."""
    rows = catalogue.places[catalogue.places["act"] == name]
    parameters = facts.text("parameters")
    cost = _cost(name, catalogue.tables["cost"])
    return page.template(TEMPLATES / "activation.md.j2").render(
        name=name,
        answer=_answer(name, rows, cost),
        formula=facts.text("formula"),
        parameters="" if parameters == "none" else parameters,
        learned="" if facts.text("learnable") in ("", "none") else f"Learned: {facts.text('learnable')}.",
        figure=_figure(name, catalogue, to),
        to_know=sentences.to_know(facts),
        places=_places(rows, catalogue.results),
        places_read=_places_read(rows),
        diagnosis=_diagnosis(name, catalogue),
        is_reference=name == REFERENCE,
        reference=REFERENCE,
        claims=_claims([claim for claim in catalogue.claims if name in claim.activations], catalogue.results),
        cost=_cost_table(cost),
        cost_read=_cost_read(cost),
        nearest=_nearest(name, catalogue),
        nearest_read="By the largest distance of their curves on |z| ≤ 8, at the default parameters.",
        identities=_identities(name, catalogue),
        distances=_distances(name, catalogue),
        has_properties=(catalogue.results / "functions" / "tables" / "properties.csv").is_file(),
        properties=facts_table(facts),
    )


def _answer(name: str, rows: pd.DataFrame, cost: pd.DataFrame) -> str:
    """How it fares against the reference and what it costs, in two sentences."""
    if name == REFERENCE:
        return f"{name} is the reference: every other is compared with it, in results and in time."
    fares = verdicts(name, rows) if len(rows) else f"No published workload compares {name} with {REFERENCE}."
    ratio = _ratio(cost)
    return fares if ratio is None else f"{fares} Forward and backward take {rounded(ratio, 2)} times ReLU's time."


def verdicts(name: str, rows: pd.DataFrame) -> str:
    """`Against relu, mish is better in 2 and undecided in 3 of 5 comparisons at one learning rate for all; …`"""
    parts = []
    for track, words in _TRACKS.items():
        counter = places.counts(rows[rows["track"] == track])
        num = counter.total()
        inside = enumeration(f"{verdict} in {counter[verdict]}" for verdict in _order(counter)) if num else ""
        if len(counter) == 1:
            inside = f"{next(iter(counter))} in " + ("both" if num == 2 else f"all {num}" if num > 2 else "the one")
            parts.append(f"{inside} comparison{'s' if num > 1 else ''} {words}")
        elif num:
            parts.append(f"{inside} of {num} comparisons {words}")
    return f"Against {REFERENCE}, {name} is {'; '.join(parts)}." if parts else f"{name} stands on other tracks only."


def _order(counter: Counter[str]) -> list[str]:
    """The verdicts that were reached: those that say most first."""
    return [verdict for verdict in (*_VERDICTS, *sorted(set(counter) - set(_VERDICTS))) if counter[verdict]]


def _places(rows: pd.DataFrame, results: Path) -> str:
    """A row for each workload, track and measure; without a column that says the same in every row."""
    rows = rows.sort_values(["results", "track"], kind="stable")
    columns = {
        "workload": [_report(name, f"{name}/report.md", results) for name in rows["results"]],
        "track": list(rows["track"]),
        "variant": list(rows["variant"]),
        "setting": list(rows["setting"]),
        "measure": list(rows["measure"]),
        "verdict": list(rows["verdict"]),
        "against the best": list(rows["tier"]),
        f"difference to {REFERENCE}": [places.difference(row) for _, row in rows.iterrows()],
        "n": [int(n) for n in rows["n"]],
    }
    return _telling(columns, rows)


def _diagnosis(name: str, catalogue: Catalogue) -> str:
    """A row for each workload that compares activations, and track: saturation, drift and gradient."""
    rows = catalogue.diagnosis[catalogue.diagnosis["act"] == name]
    rows = rows[rows["results"].isin(catalogue.places["results"])] if len(rows) else rows
    if rows.empty:
        return ""
    columns = {
        "workload": [_report(name, f"{name}/report.md", catalogue.results) for name in rows["results"]],
        **{name: list(rows[name]) for name in ("track", "variant", "setting", *diagnosis.SHOWN) if name in rows},
    }
    return _telling(columns, rows)


def _telling(columns: dict[str, list], rows: pd.DataFrame) -> str:
    """A table without the columns that are empty, and without the variants' where all are at the defaults."""
    if rows["variant"].eq(rows["act"]).all():
        columns = {name: cells for name, cells in columns.items() if name != "variant"}
    columns = {name: cells for name, cells in columns.items() if any(cell != "" for cell in cells)}
    return table([list(columns), *zip(*columns.values(), strict=True)]) if len(rows) else ""


def _places_read(rows: pd.DataFrame) -> str:
    references = enumeration(sorted(set(rows["reference"]) - {""}) or [REFERENCE])
    if rows["is_relative"].any():
        return (
            f"Its error, or its distance, against that of {references}, paired by seed: the change in percent of "
            f"{references}'s, with an interval at the level of the look that decided. Less is better. n is the number "
            "of seeds."
        )
    return (
        f"Its mean minus that of {references}, paired by seed, with the 95 % interval: of an accuracy more is better, "
        "of a loss, an error or FLD less. n is the number of seeds."
    )


def _report(text: str, path: str, results: Path) -> Markdown:
    """A link to a published page, or its text where there is none."""
    return Markdown(f"[{escape(text)}](../results/{path})") if (results / path).is_file() else escape(text)


def _claims(speaking: list[Claim], results: Path) -> str:
    rows = [[_report(c.id, c.page, results), c.verdict or "not decided", c.says] for c in speaking]
    return table([["claim", "verdict", "what is said"], *rows]) if rows else ""


def _cost(name: str, cost: pd.DataFrame) -> pd.DataFrame:
    """Forward and backward of one function on tensors outside the cache, in the types that are shown."""
    if cost.empty:
        return cost
    rows = cost[(cost["function"] == name) & (cost["pass"] == "forward+backward") & cost["dtype"].isin(_TYPES)]
    return rows[rows["size"] == "outside cache"].dropna(subset="ratio")


def _ratio(cost: pd.DataFrame) -> float | None:
    """The time against eager ReLU's in float32, eager."""
    if cost.empty:
        return None
    rows = cost[(cost["dtype"] == "float32") & (cost["mode"] == "eager")]
    return float(rows["ratio"].iloc[0]) if len(rows) else None


def _cost_table(cost: pd.DataFrame) -> str:
    rows = [
        [
            f"{row['dtype']}, {row['mode']}",
            f"{rounded(row['ratio'])} [{rounded(row['ratio_low'])}, {rounded(row['ratio_high'])}]",
            rounded(row["ns_per_element"]),
            number(row["saved_bytes_per_element"]),
        ]
        for _, row in cost.iterrows()
    ]
    heading = ["type", "time / eager ReLU's", "ns an element", "bytes an element kept for backward"]
    return table([heading, *rows]) if rows else ""


def _cost_read(cost: pd.DataFrame) -> str:
    if cost.empty:
        return ""
    first = cost.iloc[0]
    return (
        f"Forward and backward on {first['device']}, threads: {first['threads']}, torch {first['torch']}; the "
        f"median of {first['rounds']} rounds with their extremes, on tensors larger than the cache. The opening has "
        "float32, eager."
    )


def _nearest(name: str, catalogue: Catalogue) -> str:
    if catalogue.tables["curves"].empty:
        return ""
    rows = catalogue.nearest[catalogue.nearest["function"] == name]
    cells = [
        [_link(row["other"], catalogue), number(row["distance"]), number(row["slope_distance"])]
        for _, row in rows.iterrows()
    ]
    return table([["function", "largest |f − g|", "largest |f ′ − g ′|"], *cells]) if cells else ""


def _link(name: str, catalogue: Catalogue) -> Markdown:
    return Markdown(f"[{escape(name)}]({name}.md)") if name in catalogue.facts else escape(name)


def _identities(name: str, catalogue: Catalogue) -> str:
    rows = catalogue.tables["identities"]
    if rows.empty:
        return ""
    rows = relatives.naming(rows, "identity", name, titles=catalogue.titles)
    cells: list[list[Any]] = [
        [row["identity"], row["dtype"], f"{row['num_different']:,} of {row['num']:,}", number(row["max_ulp"])]
        for _, row in rows.iterrows()
    ]
    return table([["identity", "type", "other bits", "spacings"], *cells]) if cells else ""


def _distances(name: str, catalogue: Catalogue) -> str:
    rows = catalogue.tables["distances"]
    if rows.empty:
        return ""
    rows = relatives.naming(rows, "pair", name, titles=catalogue.titles)
    ends = rows.groupby("pair")["setting"].transform("min"), rows.groupby("pair")["setting"].transform("max")
    rows = rows[rows["setting"].isna() | rows["setting"].eq(ends[0]) | rows["setting"].eq(ends[1])]
    cells = [
        [
            row["pair"],
            f"{row['parameter']} = {number(row['setting'])}" if row["parameter"] else "",
            "f ′" if row["order"] else "f",
            number(row["distance"]),
        ]
        for _, row in rows.iterrows()
    ]
    return table([["pair", "with", "of", "largest distance"], *cells]) if cells else ""


def _index(catalogue: Catalogue) -> str:
    """The page with the table of all activations."""
    rows = [_index_row(name, facts, catalogue) for name, facts in catalogue.facts.items()]
    heading = ["function", "values", "monotonic", "jumps or kinks at", "saturates", "time / ReLU's", "against relu"]
    compared = catalogue.places["results"].nunique()
    return page.template(TEMPLATES / "activations.md.j2").render(
        answer=f"{len(rows)} activations, {compared} published workloads that compare some of them with {REFERENCE}.",
        table=table([heading, *rows]),
    )


def _index_row(name: str, facts: Facts, catalogue: Catalogue) -> list[object]:
    breaks = [facts.kinks(order) for order in (0, 1)]
    ends = facts.value("saturation_low_0.01"), facts.value("saturation_high_0.01")
    sides = [side for side, end in zip(("left", "right"), ends, strict=True) if abs(end) != float("inf")]
    ratio = _ratio(_cost(name, catalogue.tables["cost"]))
    counter = places.counts(catalogue.places[catalogue.places["act"] == name])
    return [
        _link(name, catalogue),
        facts.range(),
        facts.text("monotonic"),
        ", ".join(text for text in breaks if text != "none") or "none",
        " and ".join(sides) or "no",
        "" if ratio is None else rounded(ratio),
        ", ".join(f"{counter[verdict]} {verdict}" for verdict in _order(counter)),
    ]
