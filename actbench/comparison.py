"""The paired comparison of one workload, as a report tells it: sentences and a table."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench import findings, joint, paired, pairs, relations
from actbench.paired import ALPHA, FEWEST, REFERENCE
from actbench.stats import Interval
from actbench.variants import Workload

SMOKE = 5  # seeds with which no difference can reach p < .05
TAUS = np.linspace(1, 4, 61).tolist()  # of the performance profile
VERDICTS = ("better", "worse", "equivalent", "inconclusive")


@dataclass(frozen=True)
class Comparison:
    """All that is computed of one workload.

    Attributes:
        reference: The variant that all others are compared with.
        value: The primary metric, a loss or a distance.
        margin: The smallest difference of it that matters.
        loss: What `paired.compare` gives on it, lowest mean difference first.
        accuracy_margin: The same for accuracy; nan where none was stated beforehand.
        accuracy: What `paired.compare` gives on test accuracy; no row where it was not measured.
        null: The A/A.
        ranks, profile, failures: See `joint`; no row in `profile` where no run reached its target.
        pairs: See `pairs.all_pairs`.
        diagnostics, accuracy_diagnostics, properties: See `relations`; no row where there is nothing to relate.
    """

    reference: str
    value: str
    margin: float
    loss: pd.DataFrame
    accuracy_margin: float
    accuracy: pd.DataFrame
    null: pairs.Null
    ranks: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    pairs: pd.DataFrame
    diagnostics: pd.DataFrame
    accuracy_diagnostics: pd.DataFrame
    properties: pd.DataFrame

    @property
    def num_seeds(self) -> int:
        """The most pairs that any variant has with the reference."""
        return int(self.loss["n"].max())


def of(work: Workload, *, reference: str = REFERENCE, facts: pd.DataFrame = relations.NO_FACTS) -> Comparison | None:
    """The comparison of a workload, or None where the reference shares fewer than five seeds with every other.

    `facts` is the table `properties` of `function_tables`.
    """
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    value = findings.primary(runs)
    if value is None:
        return None
    wide = paired.by_seed(runs, value=value)
    shared = wide.notna().mul(wide[reference].notna(), axis=0).sum() if reference in wide else pd.Series(dtype=int)
    if (shared.drop(reference, errors="ignore") >= FEWEST).sum() == 0:
        return None
    margins = [paired.margin(runs, value=name, reference=reference) for name in (value, "test_accuracy")]
    tables = [
        paired.compare(runs, value=name, margin=margin, rng=np.random.default_rng(0), reference=reference)
        for name, margin in zip((value, "test_accuracy"), margins, strict=True)
        if np.isfinite(runs[name]).any()
    ]
    loss = tables[0].sort_values("mean", kind="stable", ignore_index=True)
    alone = runs.assign(workload="")
    return Comparison(
        reference=reference,
        value=value,
        margin=margins[0],
        loss=loss,
        accuracy_margin=margins[1],
        accuracy=tables[1] if len(tables) > 1 else loss[:0],
        null=pairs.swapped(runs, value=value, rng=np.random.default_rng(0), reference=reference),
        ranks=joint.ranks(alone, value=value, reference=reference, rng=np.random.default_rng(0)),
        profile=joint.profile(alone, taus=TAUS),
        failures=joint.failures(runs),
        pairs=pairs.all_pairs(runs, value=value, margin=margins[0]),
        diagnostics=relations.relate(work.tables.layers, runs, value=value, rng=np.random.default_rng(0)),
        accuracy_diagnostics=relations.relate(
            work.tables.layers, runs, value="test_accuracy", rng=np.random.default_rng(0)
        ),
        properties=relations.relate_properties(facts, runs, rng=np.random.default_rng(0)),
    )


def sentences(found: Comparison) -> list[str]:
    """What a reader may conclude and what not."""
    counts = found.loss["verdict"].value_counts()
    words, unit = findings.metric(found.value)
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
        cells = [row["variant"], row["verdict"], findings.number(_interval(row)), _plain(row["superiority"], 2)]
        cells += [_plain(row["d_z"], 2), chance(row["p_holm"]), chance(row["p_equivalent_holm"])]
        if len(by_name):
            own = by_name.loc[row["variant"]].to_dict()
            cells += [findings.number(_interval(own, scale=100)), *([str(own["verdict"])] if judged else [])]
        rows.append([*cells, _plain(row["variance_ratio"], 2), str(row["n"])])
    return [[*heading, "variance left", "n"], *rows]


def delta(found: Comparison) -> str:
    """The primary metric's difference as a heading, with its unit."""
    words, unit = findings.metric(found.value)
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


def chance(p: float) -> str:
    """A p-value in a cell."""
    return findings.NONE if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def _limits(found: Comparison) -> list[str]:
    """Why these seeds could not say more."""
    said, n, tests = [], found.num_seeds, len(found.loss)
    least = paired.smallest_adjusted(n=n, tests=tests)
    if n <= SMOKE:
        said.append(
            f"Smoke: with {n} seeds the smallest p of a signed-rank test is .0625, so nothing can be better or worse."
        )
    elif least >= ALPHA:
        enough = next(k for k in range(n, 99) if paired.smallest_adjusted(n=k, tests=tests) < ALPHA)
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


def listed(names: Iterable[object]) -> str:
    known = [str(name) for name in names]
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"


def _interval(row: dict, *, scale: float = 1) -> Interval:
    return Interval(scale * row["mean"], scale * row["low"], scale * row["high"], int(row["n"]))


def _plain(value: float, places: int) -> str:
    if not np.isfinite(value):
        return findings.NONE if np.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:.{places}f}".replace("-", "−")
