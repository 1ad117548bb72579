"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.intervals import Interval
from actbench.compare.significance import ALPHA
from actbench.compare.workloads import Workload
from actbench.figures import comparison as comparison_figures
from actbench.report import numbers, page
from actbench.report.numbers import enumeration, fixed, number, p_value, percent, rounded
from actbench.report.page import Part
from actbench.report.sections.verdicts import delta, details, margin, pairing, table
from actbench.report.writer import Save


def parts(work: Workload, comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """What the template needs of each part of the section. Figures go through `save`."""
    runs = work.tables.runs
    runs = runs[runs["status"] != "failed"]
    return [
        _forest(comparison, save=save),
        *_best(comparison),
        *_ranks(comparison, save=save),
        *_disagreements(comparison),
        *_profiles(comparison, order=order, save=save),
        *failures(comparison.failures),
        *_pairs(comparison, order=order, save=save),
        *_relations(runs, comparison, save=save),
    ]


_READ_FOREST = (
    "Each variant against {reference} on the same seed: split, batch order, dropout masks and unscaled weights are "
    "shared. The point is the relative change of the {metric}, the bar its t interval at the level of its look, with "
    "the variance over test images where all seeds share them; the grey band is the margin, {margin}. Filled: better "
    "or worse, 0 is excluded and the estimate exceeds the margin; square: equivalent, by two one-sided tests; hollow: "
    "undecided. All comparisons are one Holm family, looked at after {looks} seeds."
)
_READ_RANKS = (
    "The rank of each mean over the {n} seeds that all variants have, with the interval that it has when these seeds "
    "are drawn again, the same ones for all. A long bar is a rank that these seeds do not know."
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
    "Over the seeds that all variants have, error and loss rank these more than five places apart: an overconfident "
    "function can have the lower error and the higher loss. The expected calibration error stands beside."
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
    """What is judged, and its margin, for sentences."""
    words, _ = numbers.metric(comparison.value)
    return {"metric": words.removeprefix("test "), "margin": margin(comparison)}


def _forest(comparison: Comparison, *, save: Save) -> Part:
    """The relative changes against the reference, with the table of verdicts."""
    rows, reference = comparison.verdicts, comparison.reference
    labels = {row["variant"]: f"{_short(row['variant'])}  {row['verdict']}" for row in rows.to_dict("records")}
    figure = save(comparison_figures.forest({delta(comparison): rows}, labels), "forest")
    looks = enumeration(comparison.looks.sizes)
    return Part(
        f"Against {reference}, paired by seed",
        _READ_FOREST.format(reference=reference, looks=looks, **_words(comparison)),
        pairing(comparison),
        figure,
        page.table(table(comparison)),
        folded=("How each was decided", page.table(details(comparison))),
    )


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


def _ranks(comparison: Comparison, *, save: Save) -> list[Part]:
    ranks = comparison.ranks
    if len(ranks) < 2:
        return []
    longest = (ranks["high"] - ranks["low"]).max()
    first = ranks[ranks["low"] <= 1]["variant"]
    shows = f"{enumeration(first)} may have rank 1; the longest interval spans {rounded(longest, 6)} ranks."
    figure = comparison_figures.rank_intervals(ranks, {name: name for name in ranks["variant"]})
    return [Part("Rank intervals", _READ_RANKS.format(n=ranks["n"].iloc[0]), shows, save(figure, "rank_intervals"))]


def _pairs(comparison: Comparison, *, order: list[str], save: Save) -> list[Part]:
    """The matrix of all pairs; where its cells have no room for numbers, also that of the first and the reference."""
    pairs, reference = comparison.pairs, comparison.reference
    shows = f"{(pairs['p_bh'] < ALPHA).sum()} of {len(pairs)} pairs differ."
    metric = _words(comparison)["metric"]
    lines = "Lines: mean difference; seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    is_detailed = len(order) <= comparison_figures.DETAILED
    cells = lines if is_detailed else "The number is the seeds on which the row is better."
    read = _READ_PAIRS.format(cells=cells, metric=metric)
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
