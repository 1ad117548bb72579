"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.compare import significance
from actbench.compare.comparison import SMOKE, VERDICTS, Comparison
from actbench.compare.significance import ALPHA
from actbench.compare.workloads import Workload
from actbench.figures import comparison as comparison_figures
from actbench.figures import style
from actbench.report import numbers, page
from actbench.report.numbers import chance, interval_of, listed, plain

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
    panels = {delta(found): (found.loss, found.margin)}
    if len(found.accuracy):
        columns = ["mean", "low", "high"]
        points = found.accuracy.assign(**{name: 100 * found.accuracy[name] for name in columns})
        panels["Δ test accuracy (points)"] = (points, 100 * found.accuracy_margin)
    forest = save(comparison_figures.forest(panels, labels), "forest")
    return [
        part(
            f"Against {found.reference}, paired by seed", _READ_FOREST.format(found=found, **_words(found)),
            bought(found), forest, page.table(table(found)),
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
    words, unit = numbers.metric(found.value)
    return {"metric": words.removeprefix("test "), "unit": unit}


def _ranks(found: Comparison, *, save: Save) -> list[dict]:
    table = found.ranks
    if len(table) < 2:
        return []
    wide = (table["high"] - table["low"]).max()
    first = table[table["low"] <= 1]["variant"]
    shows = f"{listed(first)} may have rank 1; the longest interval spans {wide:g} ranks."
    figure = comparison_figures.rank_intervals(table, {name: name for name in table["variant"]})
    return [part("Rank intervals", _READ_RANKS, shows, save(figure, "rank_intervals"))]


def _pairs(found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    """The matrix of all, and where that has no room for numbers, one of the first in the order and the reference."""
    told = found.pairs["verdict"].value_counts()
    different, equal = told.get("better", 0) + told.get("worse", 0), told.get("equivalent", 0)
    shows = f"Of {len(found.pairs)} pairs {different} differ and {equal} are equivalent."
    metric = _words(found)
    unit = f" ({metric['unit'].strip()})" if metric["unit"] else ""
    detailed = f"Lines: mean difference{unit}; seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    few = len(order) <= comparison_figures.DETAILED
    all_of = comparison_figures.matrix(found.pairs, {name: name for name in order})
    cells = detailed if few else "The number is the seeds on which the row is better."
    how = _READ_PAIRS.format(cells=cells, margin=found.margin, **metric)
    made = [part("Every pair", how, shows, save(all_of, "matrix"))]
    if not few:
        first = order[: comparison_figures.DETAILED]
        first = first if found.reference in first else [*first[:-1], found.reference]
        words = f"The first {len(first) - 1} in the ranking and {found.reference}, adjusted over all pairs. {detailed}"
        figure = comparison_figures.matrix(found.pairs, {name: name for name in order if name in first})
        made.append(part("The first of the ranking, every pair", words, "", save(figure, "matrix_first")))
    return made


def _relations(runs: pd.DataFrame, found: Comparison, *, save: Save) -> list[dict]:
    made = []
    if len(found.diagnostics):
        figure = save(comparison_figures.diagnostics(found.diagnostics, value="loss"), "relations")
        made.append(part("What goes with a low loss", _READ_RELATIONS, _told(found.diagnostics), figure))
    if len(found.accuracy_diagnostics):
        figure = save(
            comparison_figures.diagnostics(found.accuracy_diagnostics, value="accuracy"), "relations_accuracy"
        )
        shows = _told(found.accuracy_diagnostics)
        made.append(part("What goes with a high accuracy", _READ_RELATIONS_ACCURACY, shows, figure))
    if len(found.properties):
        figure = save(comparison_figures.properties(found.properties), "properties")
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
    figure = comparison_figures.profiles(found.profile, {name: name for name in order})
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
        style.save(figure, figures / f"{prefix}{name}.png")
        return page.Markdown(f"figures/{prefix}{name}.png")

    return save


def _short(name: str) -> str:
    """A name that leaves room for a verdict."""
    return name if len(name) <= 20 else f"{name[:11]}…{name[-8:]}"


def part(title: str, read: str, shows: str, figure: page.Markdown, table: str = "") -> dict:
    """What the report's template needs of one part."""
    return {"title": title, "read": read, "shows": shows, "figure": figure, "table": table}


def sentences(found: Comparison) -> list[str]:
    """What a reader may conclude and what not."""
    counts = found.loss["verdict"].value_counts()
    words, unit = numbers.metric(found.value)
    told = "; ".join(_named(found.loss, verdict, int(counts[verdict])) for verdict in VERDICTS if verdict in counts)
    said = [
        f"Against {found.reference} on {words}, paired by seed ({found.num_seeds} seeds, {len(found.loss)} "
        f"comparisons): {told}."
    ]
    said += _limits(found)
    return [
        *said,
        f"What may be concluded: a better or worse holds for this workload and these settings, with an error rate of "
        f"5 % over all {len(found.loss)} comparisons together; equivalent means closer to {found.reference} than "
        f"{found.margin:.3g}{unit} (5 % of its mean). What not: inconclusive is not equal, it says that these seeds "
        f"cannot tell; and no verdict carries over to other data, sizes or learning rates.",
    ]


def table(found: Comparison) -> list[list[str]]:
    """Heading and rows, lowest mean difference first."""
    by_name = found.accuracy.set_index("variant") if len(found.accuracy) else pd.DataFrame()
    judged = np.isfinite(found.accuracy_margin)
    accuracy = ["Δ accuracy (points)", *(["verdict on accuracy"] if judged else [])] if len(by_name) else []
    loss = delta(found)
    heading = ["activation", "verdict", loss, "P(better)", "d_z", "p (Holm)", "p equivalent (Holm)", *accuracy]
    rows = []
    for row in found.loss.to_dict("records"):
        cells = [row["variant"], row["verdict"], numbers.number(interval_of(row)), plain(row["superiority"], 2)]
        cells += [plain(row["d_z"], 2), chance(row["p_holm"]), chance(row["p_equivalent_holm"])]
        if len(by_name):
            own = by_name.loc[row["variant"]].to_dict()
            cells += [numbers.number(interval_of(own, scale=100)), *([str(own["verdict"])] if judged else [])]
        rows.append([*cells, plain(row["variance_ratio"], 2), str(row["n"])])
    return [[*heading, "variance left", "n"], *rows]


def delta(found: Comparison) -> str:
    """The primary metric's difference as a heading, with its unit."""
    words, unit = numbers.metric(found.value)
    return f"Δ {words} ({unit.strip()})" if unit else f"Δ {words}"


def bought(found: Comparison) -> str:
    """What the pairing bought and what the A/A found, in sentences."""
    left = found.loss["variance_ratio"].dropna()
    said = []
    if len(left):
        median = float(left.median())
        said.append(
            f"What the pairing bought: the variance of a paired difference is {median:.2g} of that of an unpaired one "
            f"(median over variants; {left.min():.2g} to {left.max():.2g}), so that unpaired runs would need "
            f"{1 / median:.2g} times the seeds." if median > 0 else
            "What the pairing bought: most variants differ from the reference by the same on every seed."
        )  # fmt: skip
    null = found.null
    if null.tests:
        said.append(
            f"A/A: variant and reference were exchanged at random seed by seed, {null.draws:,} times, so that there is "
            f"nothing to find: {null.single:.1%} of the single tests had p < .05, and {null.family:.1%} of the "
            f"families of {null.tests} had any Holm-adjusted p below .05 (at most 5 % is right). This checks the tests "
            f"and their adjustment on these data, not that seeds are independent."
        )
    return " ".join(said)


def _limits(found: Comparison) -> list[str]:
    """Why these seeds could not say more."""
    said, n, tests = [], found.num_seeds, len(found.loss)
    least = significance.smallest_adjusted(n=n, tests=tests)
    if n <= SMOKE:
        said.append(
            f"Smoke: with {n} seeds the smallest p of a signed-rank test is .0625, so nothing can be better or worse."
        )
    elif least >= ALPHA:
        enough = next(k for k in range(n, 99) if significance.smallest_adjusted(n=k, tests=tests) < ALPHA)
        said.append(
            f"With {n} seeds and {tests} comparisons the smallest p after Holm is {least:.2g}, so nothing can be "
            f"called better or worse here, whatever the difference; {enough} seeds could."
        )
    lost = int((found.loss["lost"] > 0).sum())
    if lost:
        said.append(f"Without a finite loss on every seed, so without a test and inconclusive: {lost} of {tests}.")
    return said


def _named(table: pd.DataFrame, verdict: str, count: int) -> str:
    names = table.loc[table["verdict"] == verdict, "variant"]
    return f"{count} {verdict}" + (f" ({listed(names)})" if count <= 6 else "")
