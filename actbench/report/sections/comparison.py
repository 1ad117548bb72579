"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.intervals import Interval
from actbench.compare.significance import ALPHA
from actbench.compare.workloads import Workload
from actbench.figures import comparison as comparison_figures
from actbench.report import numbers, page
from actbench.report.numbers import enumeration, number, rounded
from actbench.report.page import Part
from actbench.report.sections.verdicts import delta, pairing, table
from actbench.report.writer import Save


def parts(work: Workload, comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """What the template needs of each part of the section. Figures go through `save`."""
    runs = work.tables.runs
    runs = runs[runs["status"] != "failed"]
    return [
        _forest(comparison, save=save),
        *_ranks(comparison, save=save),
        *_profiles(comparison, order=order, save=save),
        *failures(comparison.failures),
        *_pairs(comparison, order=order, save=save),
        *_relations(runs, comparison, save=save),
    ]


_READ_FOREST = (
    "Each variant minus {reference} on the same seed: split, batch order, dropout masks and unscaled weights are "
    "shared. The bar is the 95 % interval of the mean difference (BCa, widened for few seeds), the grey band the "
    "margin within which a difference does not matter (±{margin}{unit}, 5 % of the reference's mean "
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
    "= where TOST shows with the same that the two are closer than ±{margin}{unit}, however sure the difference "
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


def _words(comparison: Comparison) -> dict[str, str]:
    """The primary metric and its unit, for sentences: `loss` and ` nats`."""
    words, unit = numbers.metric(comparison.value)
    return {"metric": words.removeprefix("test "), "unit": unit}


def _forest(comparison: Comparison, *, save: Save) -> Part:
    """The paired differences to the reference, with the table of verdicts."""
    loss, accuracy, reference = comparison.loss, comparison.accuracy, comparison.reference
    verdicts = loss.set_index("variant")["verdict"]
    labels = {name: f"{_short(name)}  {verdicts[name]}" for name in loss["variant"]}
    panels = {delta(comparison): (loss, comparison.margin)}
    if len(accuracy):
        points = accuracy.assign(**{name: 100 * accuracy[name] for name in ("mean", "low", "high")})
        panels["Δ test accuracy (points)"] = (points, 100 * comparison.accuracy_margin)
    read = _READ_FOREST.format(reference=reference, margin=rounded(comparison.margin), **_words(comparison))
    figure = save(comparison_figures.forest(panels, labels), "forest")
    rows = page.table(table(comparison))
    return Part(f"Against {reference}, paired by seed", read, pairing(comparison), figure, rows)


def _ranks(comparison: Comparison, *, save: Save) -> list[Part]:
    ranks = comparison.ranks
    if len(ranks) < 2:
        return []
    longest = (ranks["high"] - ranks["low"]).max()
    first = ranks[ranks["low"] <= 1]["variant"]
    shows = f"{enumeration(first)} may have rank 1; the longest interval spans {rounded(longest, 6)} ranks."
    figure = comparison_figures.rank_intervals(ranks, {name: name for name in ranks["variant"]})
    return [Part("Rank intervals", _READ_RANKS, shows, save(figure, "rank_intervals"))]


def _pairs(comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """The matrix of all pairs; where its cells have no room for numbers, also that of the first and the reference."""
    pairs, reference = comparison.pairs, comparison.reference
    counts = pairs["verdict"].value_counts()
    different, equal = counts.get("better", 0) + counts.get("worse", 0), counts.get("equivalent", 0)
    shows = f"Of {len(pairs)} pairs {different} differ and {equal} are equivalent."
    metric = _words(comparison)
    unit = f" ({metric['unit'].strip()})" if metric["unit"] else ""
    lines = f"Lines: mean difference{unit}; seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    is_detailed = len(order) <= comparison_figures.DETAILED
    cells = lines if is_detailed else "The number is the seeds on which the row is better."
    read = _READ_PAIRS.format(cells=cells, margin=rounded(comparison.margin), **metric)
    figure = comparison_figures.matrix(pairs, {name: name for name in order})
    parts = [Part("Every pair", read, shows, save(figure, "matrix"))]
    if not is_detailed:
        first = order[: comparison_figures.DETAILED]
        first = first if reference in first else [*first[:-1], reference]
        read = f"The first {len(first) - 1} in the ranking and {reference}, adjusted over all pairs. {lines}"
        figure = comparison_figures.matrix(pairs, {name: name for name in order if name in first})
        parts.append(Part("The first of the ranking, every pair", read, "", save(figure, "matrix_first")))
    return parts


def _relations(runs: pd.DataFrame, comparison: Comparison, *, save: Save) -> list[Part]:
    """What goes with the loss and the accuracy: diagnostics of the layers, properties of the functions."""
    loss, accuracy, properties = comparison.diagnostics, comparison.accuracy_diagnostics, comparison.properties
    parts = []
    if len(loss):
        figure = save(comparison_figures.diagnostics(loss, value="loss"), "relations")
        parts.append(Part("What goes with a low loss", _READ_RELATIONS, _significant(loss), figure))
    if len(accuracy):
        figure = save(comparison_figures.diagnostics(accuracy, value="accuracy"), "relations_accuracy")
        shows = _significant(accuracy)
        parts.append(Part("What goes with a high accuracy", _READ_RELATIONS_ACCURACY, shows, figure))
    if len(properties):
        figure = save(comparison_figures.properties(properties), "properties")
        shows, num_left_out = _significant(properties), runs["variant"].nunique() - int(properties["n"].max())
        if num_left_out:
            shows += f" {num_left_out} variants are left out: for their parameters no property is published."
        parts.append(Part("Which property of the function goes with it", _READ_PROPERTIES, shows, figure))
    return parts


def _significant(relations: pd.DataFrame) -> str:
    return f"{(relations['p_bh'] < ALPHA).sum()} of {len(relations)} relations have an adjusted p below .05."


def _profiles(comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    profile = comparison.profile
    if not len(profile):
        return []
    figure = comparison_figures.profiles(profile, {name: name for name in order})
    never = sorted(profile.groupby("variant")["share"].max().loc[lambda share: share == 0].index)
    shows = f"Never within 4 times the fewest steps: {enumeration(never)}." if never else ""
    return [Part("Steps to the target", _READ_PROFILES, shows, save(figure, "profiles"))]


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


def _short(name: str) -> str:
    """A name cut so that a verdict fits behind it."""
    return name if len(name) <= 20 else f"{name[:11]}…{name[-8:]}"
