"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

from dataclasses import replace

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.intervals import Interval
from actbench.compare.significance import ALPHA
from actbench.compare.workloads import Workload
from actbench.figures import comparison as comparison_figures
from actbench.figures import differences as differences_figure
from actbench.report import numbers, page
from actbench.report.numbers import enumeration, fixed, number, p_value, percent, rounded
from actbench.report.page import Part
from actbench.report.sections import verdicts
from actbench.report.sections.verdicts import details, margin, pairing, table
from actbench.report.writer import Save


def decided(name: str, comparison: Comparison) -> list[Part]:
    """The numbers behind the verdicts of one setting, and which variants may be the best."""
    best = [replace(part, title=_titled(part.title, name)) for part in _best(comparison)]
    title = _titled(f"Against {comparison.reference}, paired by seed", name)
    said = " ".join([*verdicts.sentences(comparison), pairing(comparison)])
    how = ("How each was decided", page.table(details(comparison)))
    return [Part(title, shows=said, table=page.table(table(comparison)), folded=how), *best]


def exploratory(name: str, work: Workload, comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """What suggests further tests: every pair, what goes with a low loss."""
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    parts = [
        *_pairs(comparison, order=order, save=save),
        *_relations(runs, comparison, save=save),
    ]
    return [replace(part, title=_titled(part.title, name)) for part in parts]


def oddities(name: str, comparison: Comparison) -> list[Part]:
    """Where runs failed, and where error and loss rank differently."""
    parts = [*failures(comparison.failures), *_disagreements(comparison)]
    return [replace(part, title=_titled(part.title, name)) for part in parts]


def _titled(title: str, setting: str) -> str:
    return f"{title}: {setting}" if setting else title


def differences(settings: dict[str, Comparison], *, save: Save) -> Part:
    """The figure of a comparison in all its settings, in the order of the first one; `settings` maps titles to them."""
    first = next(iter(settings.values()))
    names = dict.fromkeys(name for one in settings.values() for name in one.verdicts["variant"])
    figure = differences_figure.differences(
        {title: one.verdicts for title, one in settings.items()},
        {title: one.failures for title, one in settings.items()},
        {name: name for name in names},
        change=f"change of the {numbers.metric(first.value)[0]} against {first.reference}",
    )
    read = _READ_DIFFERENCES.format(reference=first.reference, margin=margin(first))
    return Part(f"Against {first.reference}, paired by seed", read, figure=save(figure, "differences"))


_READ_DIFFERENCES = (
    "Each activation against {reference} on the same seeds: the point is the relative change, the bar its t interval "
    "at the level of its look, grey the margin of {margin}. What lies beyond the axis stands at its edge in numbers."
)
_READ_PAIRS = (
    "A row against a column, with no margin and no looks, and without a correction for having looked at everything but "
    "Benjamini and Hochberg's: blue where the row has the lower {metric} with their adjusted p below .05, red where it "
    "has the higher one. {cells} Exploratory: it suggests what to test on new seeds."
)
_READ_BEST = (
    "The 95 % model confidence set (Hansen, Lunde & Nason 2011) of the {metric} over {n} seeds: the best is in it at "
    "this level, and where means are close it is wide. p is that of a variant's elimination; one that equals another "
    "on every seed shares its p. The tier is the verdict against the lowest mean, which was chosen on these seeds; "
    "a variant with a failed seed is in no set."
)
_READ_DISAGREE = (
    "Error and loss rank these more than five places apart: an overconfident function can have the lower error and the "
    "higher loss. The expected calibration error stands beside."
)
_READ_RELATIONS = (
    "Spearman's rank correlation, over variants, of each diagnostic (mean over layers and seeds) with the mean loss "
    "and the mean accuracy: right of 0 more of it goes with more of that. Filled where p < .05 after Benjamini and "
    "Hochberg, for each of the two on its own; bars are 95 % bootstrap intervals over variants. "
    "Exploratory: variants are no random sample, many are relatives, and a correlation is no cause."
)
_READ_PROPERTIES = (
    "The same for what the function itself is, computed without a network (results/functions): its range, kinks, "
    "monotonicity, slopes, saturation thresholds and moments under N(0, 1). Right of 0 more of it goes with a higher "
    "loss, or with a higher accuracy. Exploratory, as above; adjusted over both panels together."
)
_READ_FAILURES = (
    "Runs that diverged, or whose test loss is that of a guess that ignores its input (99 % of ln(classes) and more), "
    "with the Clopper–Pearson interval of the rate."
)


def _words(comparison: Comparison) -> dict[str, str]:
    """What is judged, and its margin, for sentences."""
    words, _ = numbers.metric(comparison.value)
    return {"metric": words.removeprefix("test "), "margin": margin(comparison)}


def _best(comparison: Comparison) -> list[Part]:
    """The confidence set of the best, with tiers; nothing with fewer than 20 seeds."""
    rows = comparison.best_set
    if not len(rows):
        return []
    members = rows.loc[rows["in_set"], "variant"]
    n, is_error = int(rows["n"][0]), comparison.value.endswith("_error")
    shows = f"{len(members)} of {len(rows)} may be the best: {enumeration(members)}."
    cells = [
        [row["variant"], _mean(row["mean"], is_error=is_error), row["tier"],
         "yes" if row["in_set"] else "", p_value(row["p"]), row["same_as"]]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    heading = ["activation", numbers.metric(comparison.value)[0], "tier", "may be the best", "p", "equals"]
    read = _READ_BEST.format(n=n, **_words(comparison))
    return [Part("Who may be the best", read, shows, table=page.table([heading, *cells]))]


def _mean(value: float, *, is_error: bool) -> str:
    """A mean error in percent, or a mean distance; nothing where there is none."""
    return percent(value, 2) if is_error and value == value else rounded(value)


def _disagreements(comparison: Comparison) -> list[Part]:
    """Where error and loss rank differently."""
    rows = comparison.disagreements
    if not len(rows):
        return []
    cells = [
        [row["variant"], fixed(row["rank_error"]), fixed(row["rank_loss"]), fixed(row["test_ece"], 4)]
        for row in rows.to_dict("records")
    ]
    heading = ["activation", "rank by error", "rank by loss", "calibration error"]
    shows = f"{enumeration(rows['variant'])}: {len(rows)} of {len(comparison.verdicts) + 1}."
    return [Part("Loss against error", _READ_DISAGREE, shows, table=page.table([heading, *cells]))]


def _pairs(comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """The matrix of all pairs."""
    pairs = comparison.pairs
    shows = f"{(pairs['p_bh'] < ALPHA).sum()} of {len(pairs)} pairs differ."
    metric = _words(comparison)["metric"]
    lines = "Lines: mean difference; seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    is_detailed = len(order) <= comparison_figures.DETAILED
    cells = lines if is_detailed else "White: these seeds do not tell them apart."
    read = _READ_PAIRS.format(cells=cells, metric=metric)
    figure = comparison_figures.matrix(pairs, {name: name for name in order})
    return [Part("Every pair", read, shows, save(figure, "matrix"))]


def _relations(runs: pd.DataFrame, comparison: Comparison, *, save: Save) -> list[Part]:
    """What goes with the loss and the accuracy: diagnostics of the layers, properties of the functions."""
    loss, accuracy, properties = comparison.diagnostics, comparison.accuracy_diagnostics, comparison.properties
    parts = []
    tables = {value: table for value, table in (("the loss", loss), ("the accuracy", accuracy)) if len(table)}
    if tables:
        figure = save(comparison_figures.diagnostics(tables), "relations")
        shows = " ".join(f"With {value}: {_significant(table)}" for value, table in tables.items())
        parts.append(Part("What goes with loss and accuracy", _READ_RELATIONS, shows, figure))
    if len(properties):
        figure = save(comparison_figures.properties(properties), "properties")
        shows, num_left_out = _significant(properties), runs["variant"].nunique() - int(properties["n"].max())
        if num_left_out:
            shows += f" {num_left_out} variants are left out: for their parameters no property is published."
        parts.append(Part("Which property of the function goes with it", _READ_PROPERTIES, shows, figure))
    return parts


def _significant(relations: pd.DataFrame) -> str:
    return f"{(relations['p_bh'] < ALPHA).sum()} of {len(relations)} relations have an adjusted p below .05."


def failures(rates: pd.DataFrame) -> list[Part]:
    """The table of the variants with failures, where there are any."""
    rates = rates[rates["failed"] > 0].sort_values("rate", ascending=False, kind="stable")
    if not len(rates):
        return []
    rows = [["activation", "runs", "rate"]]
    for row in rates.to_dict("records"):
        rate = number(Interval(row["rate"], row["low"], row["high"], row["n"]), places=2)
        rows.append([row["variant"], f"{row['failed']} of {row['n']}", rate])
    return [Part("Failures", _READ_FAILURES, table=page.table(rows))]
