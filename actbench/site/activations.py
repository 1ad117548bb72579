"""A page for every activation of the catalogue, and their table: activations/."""

from pathlib import Path

import pandas as pd

from actbench.report import page
from actbench.report.functions import facts_table
from actbench.report.numbers import enumeration, p_value, rounded
from actbench.report.page import Markdown, escape, table
from actbench.site import (
    all_activations,
    cost,
    diagnosis,
    pages,
    places,
    relatives,
    sentences,
    standing,
    statistics,
    training,
)
from actbench.site.claims import Claim
from actbench.site.situations import SITUATIONS
from actbench.site.sources import Catalogue
from actbench.tables.functions import Facts, number
from actbench.tables.schema import REFERENCE

TEMPLATES = Path(__file__).with_name("templates")
_DESCRIPTIVE = ("variant", "setting", "measure", "against")  # columns that need not say the same in every row
_TRAINED = (training.RATE, training.INIT)
_PLACES = {one.experiment: one.place for one in SITUATIONS}


def write(catalogue: Catalogue, to: Path) -> list[str]:
    """Write activations/*.md below `to`, none without a function to show; return the pages' paths there."""
    if not catalogue.facts:
        return []
    pages.copy(catalogue.results / "functions" / "tables" / "properties.csv", catalogue.results, to)
    texts = {name: _page(name, facts, catalogue, to) for name, facts in catalogue.facts.items()}
    folder = to / "activations"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"index": all_activations.text(catalogue), **texts}.items():
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
    parameters, learnable = facts.text("parameters"), facts.text("learnable")
    costs = cost.of(name, catalogue.tables["cost"])
    return page.template(TEMPLATES / "activation.md.j2").render(
        name=name,
        answer=_answer(name, catalogue),
        not_measured=enumeration(names) if (names := standing.not_measured(name, catalogue.places)) else "",
        formula=facts.text("formula"),
        parameters="" if parameters == "none" else parameters,
        learnable="" if learnable == "none" else learnable,
        figure=_figure(name, catalogue, to),
        to_know=sentences.to_know(facts),
        places=_places(rows, catalogue),
        places_read=_places_read(rows),
        trained=_trained(name, catalogue),
        diagnosis=_diagnosis(name, catalogue),
        learned=_learned(name, catalogue),
        pairs=_pairs(name, catalogue),
        is_reference=name == REFERENCE,
        reference=REFERENCE,
        claims=_claims([claim for claim in catalogue.claims if name in claim.activations], catalogue),
        cost=cost.as_table(costs),
        cost_read=cost.how_to_read(costs, cost.of(REFERENCE, catalogue.tables["cost"])),
        similar=Markdown(enumeration(all_activations.link(other, catalogue) for other in _similar(name, catalogue))),
        nearest=_nearest(name, catalogue),
        identities=_table(
            ["identity", "type", "other bits", "spacings"],
            relatives.identities(catalogue.tables["identities"], name, titles=catalogue.titles),
        ),
        distances=_table(
            ["pair", "with", "of", "largest distance"],
            relatives.distances(catalogue.tables["distances"], name, titles=catalogue.titles),
        ),
        has_properties=(catalogue.results / "functions" / "tables" / "properties.csv").is_file(),
        properties=facts_table(facts),
    )


def _answer(name: str, catalogue: Catalogue) -> str:
    """How it fares against the reference and what it costs, in two sentences."""
    if name == REFERENCE:
        return f"{name} is the reference: every other is compared with it, in results and in time."
    fares = standing.against_reference(name, catalogue.places)
    alone = cost.in_words(cost.of(name, catalogue.tables["cost"]))
    return f"{fares} {alone}".strip()


def _table(heading: list[str], rows: list[list[str]]) -> str:
    return table([heading, *rows]) if rows else ""


def _places(rows: pd.DataFrame, catalogue: Catalogue) -> str:
    """A row for each workload and track."""
    rows = _in_order(rows).merge(catalogue.training, on=statistics.PLACED, how="left")
    rows = rows.fillna(dict.fromkeys(_TRAINED, ""))
    return _telling(
        {
            **_columns(rows, catalogue),
            "measure": list(rows["measure"]),
            "against": list(rows["reference"]),
            "verdict": list(rows["verdict"]),
            "against the best": list(rows["tier"]),
            "change (%)": [places.difference(row) for _, row in rows.iterrows()],
            "n": [int(n) for n in rows["n"]],
            **{column: list(rows[column]) for column in _TRAINED},
        }
    )


def _trained(name: str, catalogue: Catalogue) -> str:
    """A row for each comparison in which it stands: with which rate and initialisation."""
    rows = _in_order(catalogue.training[catalogue.training["act"] == name])
    return _telling({**_columns(rows, catalogue), **{column: list(rows[column]) for column in _TRAINED}})


def _diagnosis(name: str, catalogue: Catalogue) -> str:
    """A row for each workload that compares activations, and track: saturation, drift and gradient."""
    rows = catalogue.diagnosis[catalogue.diagnosis["act"] == name]
    rows = rows[rows["results"].isin(catalogue.places["results"])]
    return _telling({**_columns(rows, catalogue), **{one: list(rows[one]) for one in diagnosis.SHOWN if one in rows}})


def _learned(name: str, catalogue: Catalogue) -> str:
    """A row for each workload, track and learned parameter: where it began, and where it ended in each layer."""
    rows = catalogue.learned[catalogue.learned["act"] == name]
    shown = ["parameter", "at the start", *(column for column in map(str, rows) if column.startswith("layer "))]
    return _telling({**_columns(rows, catalogue), **{column: list(rows[column]) for column in shown}})


def _pairs(name: str, catalogue: Catalogue) -> str:
    """A row for each workload and track and each other variant there."""
    rows = catalogue.pairs[catalogue.pairs["act"] == name].sort_values(["setting", "track", "reference"])
    rows = _in_order(rows)
    seeds = {f"{column} on": list(rows[column]) for column in ("better", "equal", "worse")}
    return _telling(
        {
            **_columns(rows, catalogue),
            "reference": list(rows["reference"]),
            **seeds,
            "p": [p_value(p) for p in rows["p_bh"]],
        }
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """With the comparisons of the first page first."""
    order = {one.experiment: i for i, one in enumerate(SITUATIONS)}
    return rows.sort_values("results", key=lambda names: names.map(order), kind="stable", na_position="last")


def _columns(rows: pd.DataFrame, catalogue: Catalogue) -> dict[str, list]:
    """What was compared, in which each table begins."""
    if rows.empty:
        return {}
    return {
        "workload": [_report(_PLACES.get(name, name), f"{name}/report.md", catalogue) for name in rows["results"]],
        "track": list(rows["track"]),
        "variant": list(rows["variant"]),
        "setting": list(rows["setting"]),
    }


def _telling(columns: dict[str, list]) -> str:
    """A table without the columns that are empty, and without those that say the same in each of several rows."""
    told = {name: cells for name, cells in columns.items() if any(cell != "" for cell in cells)}
    told = {name: cells for name, cells in told.items() if name not in _DESCRIPTIVE or len(set(cells)) > 1}
    return table([list(told), *zip(*told.values(), strict=True)]) if told else ""


def _places_read(rows: pd.DataFrame) -> str:
    references = enumeration(sorted(set(rows["reference"]) - {""}) or [REFERENCE])
    return (
        f"Its error, in a GAN its distance, against that of {references} on the same seeds: the change, with an "
        "interval at the level of the look that decided; less is better. Better and worse: the interval excludes 0 and "
        f"the change is beyond the margin. Equivalent: {places.within_margin()}, the margin. Undecided: neither is "
        "shown. n is the number of seeds. Learning rate and initialisation are those of the track: on the tuned one "
        "what tuning chose for it on other seeds."
    )


def _report(text: str, path: str, catalogue: Catalogue) -> Markdown:
    """A link to a published page, or its text where there is none."""
    is_there = (catalogue.results / path).is_file()
    return Markdown(f"[{escape(text)}](../results/{path})") if is_there else escape(text)


def _claims(speaking: list[Claim], catalogue: Catalogue) -> str:
    rows = [[_report(c.id, c.page, catalogue), c.says, f"{c.mark} {c.verdict}"] for c in speaking]
    return table([["claim", "what is said", "verdict"], *rows]) if rows else ""


def _nearest(name: str, catalogue: Catalogue) -> str:
    if catalogue.tables["curves"].empty:
        return ""
    rows = catalogue.nearest[catalogue.nearest["function"] == name]
    times = [cost.ratio(cost.of(other, catalogue.tables["cost"])) for other in rows["other"]]
    cells = [
        [
            all_activations.link(row["other"], catalogue),
            number(row["distance"]),
            number(row["slope_distance"]),
            "" if time is None else rounded(time, 2),
        ]
        for (_, row), time in zip(rows.iterrows(), times, strict=True)
    ]
    return table([["function", "largest |f − g|", "largest |f ′ − g ′|", "time / ReLU's"], *cells]) if cells else ""


def _similar(name: str, catalogue: Catalogue) -> list[str]:
    """The functions whose curve is nearest to its own."""
    if catalogue.tables["curves"].empty:
        return []
    return list(catalogue.nearest.loc[catalogue.nearest["function"] == name, "other"])
