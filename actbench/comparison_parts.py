"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from actbench import canvas, comparison, comparison_plots, findings, page
from actbench.comparison import Comparison, listed
from actbench.paired import ALPHA
from actbench.variants import Workload

FIGURES = (
    "forest",
    "rank_intervals",
    "profiles",
    "matrix",
    "matrix_first",
    "relations",
    "relations_accuracy",
    "properties",
)
Save = Callable[[Figure, str], page.Markdown]


def parts(work: Workload, found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    """What the report's template needs of each part of the section; figures go through `save`."""
    runs = work.tables.runs
    runs = runs[runs["status"] != "failed"]
    verdicts = found.loss.set_index("variant")["verdict"]
    labels = {name: f"{_short(name)}  {verdicts[name]}" for name in found.loss["variant"]}
    panels = {comparison.delta(found): (found.loss, found.margin)}
    if len(found.accuracy):
        columns = ["mean", "low", "high"]
        points = found.accuracy.assign(**{name: 100 * found.accuracy[name] for name in columns})
        panels["Δ test accuracy (points)"] = (points, 100 * found.accuracy_margin)
    forest = save(comparison_plots.forest(panels, labels), "forest")
    return [
        part(
            f"Against {found.reference}, paired by seed", _READ_FOREST.format(found=found, **_words(found)),
            comparison.bought(found), forest, page.table(comparison.table(found)),
        ),
        *_ranks(found, save=save),
        *_profiles(found, order=order, save=save),
        *failures(found.failures),
        *_pairs(found, order=order, save=save),
        *_relations(runs, found, save=save),
    ]  # fmt: skip


_READ_FOREST = (
    "Each variant minus {found.reference} on the same seed: split, batch order, dropout masks and unscaled weights are "
    "shared. The bar is the 95 % interval of the mean difference (BCa, widened for few seeds), the grey band the "
    "margin within which a difference does not matter (±{found.margin:.3g}{unit}, 5 % of the reference's mean "
    "{metric}). Filled: better or worse; square: equivalent; hollow: inconclusive. Better or worse is a Wilcoxon "
    "signed-rank test with p < .05 after Holm and an interval that excludes 0; equivalent is TOST with p < .05 after "
    "Holm, and it wins where both hold, as such a difference is too small to matter."
)
_READ_RANKS = (
    "The rank of each mean with the interval that it has when seeds are drawn again, the same ones for all variants. "
    "A long bar is a rank that these seeds do not know."
)
_READ_PAIRS = (
    "A row against a column, without a correction for having looked at everything but Benjamini and Hochberg's: blue "
    "where the row has the lower {metric} with their adjusted p below .05, red where it has the higher one, grey with "
    "= where TOST shows with the same that the two are closer than ±{margin:.3g}{unit}, however sure the difference "
    "is. {cells} Exploratory: it suggests what to test on new seeds."
)
_READ_RELATIONS = (
    "Spearman's rank correlation, over variants, of each diagnostic (mean over layers and seeds) with the mean loss: "
    "right of 0 more of it goes with a higher loss. Filled where p < .05 after Benjamini and Hochberg; bars are 95 % "
    "bootstrap intervals over variants. Exploratory: variants are no random sample, many are relatives, and a "
    "correlation is no cause."
)
_READ_RELATIONS_ACCURACY = (
    "The same with the mean test accuracy: right of 0 more of it goes with a higher accuracy. Adjusted on its own; "
    "exploratory, as above."
)
_READ_PROPERTIES = (
    "The same for what the function itself is, computed without a network (results/functions): its range, kinks, "
    "monotonicity, slopes, saturation thresholds and moments under N(0, 1). Right of 0 more of it goes with a higher "
    "loss, or with a higher accuracy. Exploratory, as above; adjusted over both panels together."
)
_READ_PROFILES = (
    "The share of seeds on which a variant reached the target validation loss in at most τ times the steps of the "
    "fastest variant on that seed. Steps are counted at the ends of epochs; a seed that never got there is in no share."
)
_READ_FAILURES = (
    "Runs that diverged, or whose test loss is that of a guess that ignores its input (99 % of ln(classes) and more), "
    "with the Clopper–Pearson interval of the rate."
)


def _words(found: Comparison) -> dict[str, str]:
    """The primary metric and its unit, for sentences: `loss` and ` nats`."""
    words, unit = findings.metric(found.value)
    return {"metric": words.removeprefix("test "), "unit": unit}


def _ranks(found: Comparison, *, save: Save) -> list[dict]:
    table = found.ranks
    if len(table) < 2:
        return []
    wide = (table["high"] - table["low"]).max()
    first = table[table["low"] <= 1]["variant"]
    shows = f"{listed(first)} may have rank 1; the longest interval spans {wide:g} ranks."
    figure = comparison_plots.rank_intervals(table, {name: name for name in table["variant"]})
    return [part("Rank intervals", _READ_RANKS, shows, save(figure, "rank_intervals"))]


def _pairs(found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    """The matrix of all, and where that has no room for numbers, one of the first in the order and the reference."""
    told = found.pairs["verdict"].value_counts()
    different, equal = told.get("better", 0) + told.get("worse", 0), told.get("equivalent", 0)
    shows = f"Of {len(found.pairs)} pairs {different} differ and {equal} are equivalent."
    metric = _words(found)
    unit = f" ({metric['unit'].strip()})" if metric["unit"] else ""
    detailed = f"Lines: mean difference{unit}; seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    few = len(order) <= comparison_plots.DETAILED
    all_of = comparison_plots.matrix(found.pairs, {name: name for name in order})
    cells = detailed if few else "The number is the seeds on which the row is better."
    how = _READ_PAIRS.format(cells=cells, margin=found.margin, **metric)
    made = [part("Every pair", how, shows, save(all_of, "matrix"))]
    if not few:
        first = order[: comparison_plots.DETAILED]
        first = first if found.reference in first else [*first[:-1], found.reference]
        words = f"The first {len(first) - 1} in the ranking and {found.reference}, adjusted over all pairs. {detailed}"
        figure = comparison_plots.matrix(found.pairs, {name: name for name in order if name in first})
        made.append(part("The first of the ranking, every pair", words, "", save(figure, "matrix_first")))
    return made


def _relations(runs: pd.DataFrame, found: Comparison, *, save: Save) -> list[dict]:
    made = []
    if len(found.diagnostics):
        figure = save(comparison_plots.diagnostics(found.diagnostics, value="loss"), "relations")
        made.append(part("What goes with a low loss", _READ_RELATIONS, _told(found.diagnostics), figure))
    if len(found.accuracy_diagnostics):
        figure = save(comparison_plots.diagnostics(found.accuracy_diagnostics, value="accuracy"), "relations_accuracy")
        shows = _told(found.accuracy_diagnostics)
        made.append(part("What goes with a high accuracy", _READ_RELATIONS_ACCURACY, shows, figure))
    if len(found.properties):
        figure = save(comparison_plots.properties(found.properties), "properties")
        shows, without = _told(found.properties), runs["variant"].nunique() - int(found.properties["n"].max())
        if without:
            shows += f" {without} variants are left out: for their parameters no property is published."
        made.append(part("Which property of the function goes with it", _READ_PROPERTIES, shows, figure))
    return made


def _told(table: pd.DataFrame) -> str:
    return f"{(table['p_bh'] < ALPHA).sum()} of {len(table)} relations have an adjusted p below .05."


def _profiles(found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    if not len(found.profile):
        return []
    figure = comparison_plots.profiles(found.profile, {name: name for name in order})
    never = sorted(found.profile.groupby("variant")["share"].max().loc[lambda share: share == 0].index)
    shows = f"Never within 4 times the fewest steps: {listed(never)}." if never else ""
    return [part("Steps to the target", _READ_PROFILES, shows, save(figure, "profiles"))]


def failures(table: pd.DataFrame) -> list[dict]:
    """A table of those that failed, where any did."""
    table = table[table["failed"] > 0].sort_values("rate", ascending=False, kind="stable")
    if not len(table):
        return []
    rows = [
        [row["variant"], f"{row['failed']} of {row['n']}", f"{row['rate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"]
        for row in table.to_dict("records")
    ]
    return [
        part("Failures", _READ_FAILURES, "", page.Markdown(""), page.table([["activation", "runs", "rate"], *rows]))
    ]


def saver(figures: Path, prefix: str) -> Save:
    """Writes a figure and gives the path by which the page names it."""

    def save(figure: Figure, name: str) -> page.Markdown:
        canvas.save(figure, figures / f"{prefix}{name}.png")
        return page.Markdown(f"figures/{prefix}{name}.png")

    return save


def _short(name: str) -> str:
    """A name that leaves room for a verdict."""
    return name if len(name) <= 20 else f"{name[:11]}…{name[-8:]}"


def part(title: str, read: str, shows: str, figure: page.Markdown, table: str = "") -> dict:
    """What the report's template needs of one part."""
    return {"title": title, "read": read, "shows": shows, "figure": figure, "table": table}
