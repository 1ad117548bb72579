"""A paired comparison in words and numbers: what may be concluded, the table, what the pairing saved, the A/A test."""

import numpy as np
import pandas as pd

from actbench.compare import significance
from actbench.compare.comparison import SMOKE, VERDICTS, Comparison
from actbench.compare.significance import ALPHA
from actbench.report import numbers
from actbench.report.numbers import enumeration, fixed, interval_of, number, p_value, percent, rounded


def sentences(comparison: Comparison) -> list[str]:
    """What a reader may conclude and what not."""
    counts = comparison.loss["verdict"].value_counts()
    words, unit = numbers.metric(comparison.value)
    verdicts = "; ".join(
        _count(comparison.loss, verdict, int(counts[verdict])) for verdict in VERDICTS if verdict in counts
    )
    return [
        f"Against {comparison.reference} on {words}, paired by seed ({comparison.num_seeds} seeds, "
        f"{len(comparison.loss)} comparisons): {verdicts}.",
        *_limits(comparison),
        f"What may be concluded: a better or worse holds for this workload and these settings, with an error rate of "
        f"5 % over all {len(comparison.loss)} comparisons together; equivalent means closer to {comparison.reference} "
        f"than {rounded(comparison.margin)}{unit} (5 % of its mean). What not: inconclusive is not equal, it says "
        f"that these seeds cannot tell; and no verdict carries over to other data, sizes or learning rates.",
    ]


def table(comparison: Comparison) -> list[list[str]]:
    """Heading and rows, lowest mean difference first."""
    by_name = comparison.accuracy.set_index("variant") if len(comparison.accuracy) else pd.DataFrame()
    has_verdict = np.isfinite(comparison.accuracy_margin)
    accuracy = ["Δ accuracy (points)", *(["verdict on accuracy"] if has_verdict else [])] if len(by_name) else []
    loss = delta(comparison)
    heading = ["activation", "verdict", loss, "P(better)", "d_z", "p (Holm)", "p equivalent (Holm)", *accuracy]
    rows = []
    for row in comparison.loss.to_dict("records"):
        cells = [row["variant"], row["verdict"], number(interval_of(row)), fixed(row["superiority"], 2)]
        cells += [fixed(row["d_z"], 2), p_value(row["p_holm"]), p_value(row["p_equivalent_holm"])]
        if len(by_name):
            points = by_name.loc[row["variant"]].to_dict()
            cells.append(number(interval_of(points, scale=100)))
            cells += [str(points["verdict"])] if has_verdict else []
        rows.append([*cells, fixed(row["variance_ratio"], 2), str(row["n"])])
    return [[*heading, "variance left", "n"], *rows]


def delta(comparison: Comparison) -> str:
    """The difference of the primary metric as a heading, with its unit."""
    words, unit = numbers.metric(comparison.value)
    return f"Δ {words} ({unit.strip()})" if unit else f"Δ {words}"


def pairing(comparison: Comparison) -> str:
    """How many seeds the pairing saved, and how often the A/A test found a difference, in sentences."""
    ratios = comparison.loss["variance_ratio"].dropna()
    sentences = []
    if len(ratios):
        median = float(ratios.median())
        sentences.append(
            f"What the pairing bought: the variance of a paired difference is {rounded(median, 2)} of that of an "
            f"unpaired one (median over variants; {rounded(ratios.min(), 2)} to {rounded(ratios.max(), 2)}), so that "
            f"unpaired runs would need {rounded(1 / median, 2)} times the seeds." if median > 0 else
            "What the pairing bought: most variants differ from the reference by the same on every seed."
        )  # fmt: skip
    null = comparison.null
    if null.tests:
        sentences.append(
            f"A/A: variant and reference were exchanged at random seed by seed, {fixed(null.draws)} times, so that "
            f"there is nothing to find: {percent(null.single, 1)} of the single tests had p < .05, and "
            f"{percent(null.family, 1)} of the families of {null.tests} had any Holm-adjusted p below .05 (at most 5 % "
            "is right). This checks the tests and their adjustment on these data, not that seeds are independent."
        )
    return " ".join(sentences)


def _limits(comparison: Comparison) -> list[str]:
    """Why these seeds cannot say more."""
    sentences, n, tests = [], comparison.num_seeds, len(comparison.loss)
    least = significance.smallest_adjusted(n=n, tests=tests)
    if n <= SMOKE:
        sentences.append(
            f"Smoke: with {n} seeds the smallest p of a signed-rank test is .0625, so nothing can be better or worse."
        )
    elif least >= ALPHA:
        enough = next(k for k in range(n, 99) if significance.smallest_adjusted(n=k, tests=tests) < ALPHA)
        sentences.append(
            f"With {n} seeds and {tests} comparisons the smallest p after Holm is {rounded(least, 2)}, so nothing can "
            f"be called better or worse here, whatever the difference; {enough} seeds could."
        )
    lost = int((comparison.loss["lost"] > 0).sum())
    if lost:
        sentences.append(f"Without a finite loss on every seed, so without a test and inconclusive: {lost} of {tests}.")
    return sentences


def _count(table: pd.DataFrame, verdict: str, count: int) -> str:
    """`2 better (snake and lisht)`; more than six variants are not named."""
    names = table.loc[table["verdict"] == verdict, "variant"]
    return f"{count} {verdict}" + (f" ({enumeration(names)})" if count <= 6 else "")
