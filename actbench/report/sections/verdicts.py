"""A paired comparison in words and numbers: what may be concluded, the table, what the pairing saved, the A/A test."""

import numpy as np
import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.errors import MARGIN
from actbench.compare.paired import VERDICTS
from actbench.report import numbers
from actbench.report.numbers import enumeration, fixed, interval_of, number, p_value, percent, rounded

_SAVING = 0.9  # the share of the variance that pairing leaves, from which on it is said to save nothing


def sentences(comparison: Comparison) -> list[str]:
    """What a reader may conclude and what not."""
    table = comparison.verdicts
    counts = table["verdict"].value_counts()
    words, _ = numbers.metric(comparison.value)
    verdicts = "; ".join(_count(table, verdict, int(counts[verdict])) for verdict in VERDICTS if verdict in counts)
    return [
        f"Against {comparison.reference} on {words}, paired by seed ({comparison.num_seeds} seeds, "
        f"{len(table)} comparisons): {verdicts}.",
        *_limits(comparison),
        f"What may be concluded: a better or worse holds for this workload and these settings: its interval excludes "
        f"zero, and the estimate is more than {margin(comparison)}; the whole interval of an equivalent one is within "
        f"that. The error rate is 5 % over all {len(table)} comparisons and all looks together (at "
        f"{enumeration(comparison.looks.sizes)} seeds). What not: undecided is not equal, it says that these seeds "
        f"cannot tell; and no verdict carries over to other data, sizes or learning rates.",
    ]


def margin(comparison: Comparison) -> str:
    """The margin in words: `10 % of relu's test error (31 of 10,000 test images)`."""
    words, _ = numbers.metric(comparison.value)
    images = comparison.verdicts["margin_images"].median()
    of = f"{percent(MARGIN - 1)} of {comparison.reference}'s {words}"
    return f"{of} ({rounded(images, 2)} test images)" if np.isfinite(images) else of


def table(comparison: Comparison) -> list[list[str]]:
    """Heading and rows, the largest improvement first."""
    rows = [
        [
            row["variant"],
            row["verdict"],
            number(interval_of(_change(row))),
            str(row["look"] or row["n"]),
            _price(row["price"]),
        ]
        for row in comparison.verdicts.to_dict("records")
    ]
    return [["activation", "verdict", delta(comparison), "seeds", "more seeds to decide"], *rows]


def details(comparison: Comparison) -> list[list[str]]:
    """How each was decided: the tests, their adjustment, the signed-rank test, an interval that ignores looks."""
    heading = ["activation", "level", "p equivalent", "p different", "p (Holm)", "p signed rank", "P(better)"]
    is_error = comparison.value.endswith("_error")
    scale, unit = (100, "points") if is_error else (1, "FLD")
    rows = [
        [
            row["variant"],
            percent(1 - row["alpha"], 1),
            *(p_value(row[name]) for name in ("p_equivalent", "p_different", "p_holm")),
            p_value(row["p_signed_rank"]) + (" (disagrees)" if row["disagrees"] else ""),
            fixed(row["superiority"], 2),
            number(interval_of(_difference(row), scale=scale)),
            fixed(row["variance_ratio"], 2),
        ]
        for row in comparison.verdicts.to_dict("records")
    ]
    return [[*heading, f"Δ ({unit}), BCa 95 %", "variance left"], *rows]


def delta(comparison: Comparison) -> str:
    """The relative change of what is judged as a heading."""
    return f"Δ {numbers.metric(comparison.value)[0]} (%)"


def pairing(comparison: Comparison) -> str:
    """How many seeds the pairing saved, and how often the A/A test found a difference, in sentences."""
    ratios = comparison.verdicts["variance_ratio"].dropna()
    sentences = []
    if len(ratios):
        median = float(ratios.median())
        left = f"(median over variants, which keep {percent(ratios.min())} to {percent(ratios.max())} of it)"
        sentences.append(
            "Most variants differ from the reference by the same on every seed." if median == 0 else
            f"Pairing by seed removes {percent(1 - median)} of the variance of an unpaired difference {left}: without "
            f"it the same precision would take {rounded(1 / median, 2)} times the seeds." if median < _SAVING else
            f"Pairing by seed saves no seeds here: it leaves {percent(median)} of the variance of an unpaired "
            f"difference {left}."
        )  # fmt: skip
    if np.isfinite(comparison.null_error):
        sentences.append(
            "A/A: variant and reference were exchanged at random seed by seed, so that there is nothing to find: "
            f"{percent(comparison.null_error, 1)} of the families had any better or worse at any look (at most 5 % is "
            "right). This checks the procedure on these data, not that seeds are independent."
        )
    disagree = comparison.verdicts.loc[comparison.verdicts["disagrees"], "variant"]
    if len(disagree):
        sentences.append(f"The signed-rank test disagrees with t on whether 0 is excluded for {enumeration(disagree)}.")
    return " ".join(sentences)


def _limits(comparison: Comparison) -> list[str]:
    """Why these seeds cannot say more, and what would."""
    table, sentences = comparison.verdicts, []
    undecided = table[(table["verdict"] == "undecided") & (table["look"] > 0)]
    prices = undecided["price"]
    if len(undecided):
        cost = " to ".join(dict.fromkeys(_price(end).replace(">", "more than") for end in (prices.min(), prices.max())))
        later = [size for size in comparison.looks.sizes if size > undecided["look"].max()]
        next_look = _next_look(undecided, later[0]) if later else "there is no further look"
        sentences.append(f"What is undecided would take {cost} more seeds at its present estimates; {next_look}.")
    early = table[table["look"] == 0]
    if len(early):
        first = comparison.looks.sizes[0]
        sentences.append(f"{len(early)} of {len(table)} lack a seed for the first look, which is at {first}.")
    lost = int((table["lost"] > 0).sum())
    if lost:
        sentences.append(f"{lost} of {len(table)} have a seed without a finite value; it counts by its sign alone.")
    return sentences


def _next_look(undecided: pd.DataFrame, size: int) -> str:
    """When it is, and how long its runs of what is undecided train, without those of the reference."""
    hours = float(((size - undecided["n"]).clip(lower=0) * undecided["seconds"]).sum()) / 3600
    takes = f", which takes {rounded(hours, 2)} hours of training" if hours > 0 else ""
    return f"the next look is at {size} seeds{takes}"


def _count(table: pd.DataFrame, verdict: str, count: int) -> str:
    """`2 better (snake and lisht)`; more than six variants are not named."""
    names = table.loc[table["verdict"] == verdict, "variant"]
    return f"{count} {verdict}" + (f" ({enumeration(names)})" if count <= 6 else "")


def _price(seeds: float) -> str:
    return "" if np.isnan(seeds) else "> 10,000" if np.isinf(seeds) else fixed(seeds)


def _change(row: dict) -> dict:
    """The relative change of a row in percent, as an interval's columns."""
    return {"mean": 100 * row["change"], "low": 100 * row["low"], "high": 100 * row["high"], "n": row["n"]}


def _difference(row: dict) -> dict:
    names = {"mean": "difference", "low": "difference_low", "high": "difference_high", "n": "n"}
    return {column: row[name] for column, name in names.items()}
