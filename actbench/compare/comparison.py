"""The paired comparison of one workload: every number and table that a report draws on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.compare import best_set, by_seed, correlations, over_workloads, paired, ranking, selftest
from actbench.compare.looks import Looks
from actbench.compare.paired import JUDGED, all_pairs
from actbench.compare.workloads import Workload

TAUS = np.linspace(1, 4, 61).tolist()  # of the performance profile


@dataclass(frozen=True)
class Comparison:
    """All that is computed of one workload.

    Attributes:
        reference: The variant that all others are compared with.
        value: What is judged, an error rate or a distance.
        looks: When it is judged.
        verdicts: `paired.compare`, the largest improvement first.
        null_error: The share of families with any *better* or *worse* where there is nothing to find, see
            `selftest.exchanged`; nan if no variant has a finite value on every seed of the reference.
        ranks, profile, failures: See `over_workloads`; `profile` has no rows where no run reached its target. What
            ranks variants takes the seeds that all have: so do disagreements and correlations.
        pairs: See `paired.all_pairs`.
        best_set: See `best_set.best_set`.
        disagreements: See `ranking.disagreements`.
        diagnostics, accuracy_diagnostics, properties: See `correlations`; without rows where nothing can be correlated.
    """

    reference: str
    value: str
    looks: Looks
    verdicts: pd.DataFrame
    null_error: float
    ranks: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    pairs: pd.DataFrame
    best_set: pd.DataFrame
    disagreements: pd.DataFrame
    diagnostics: pd.DataFrame
    accuracy_diagnostics: pd.DataFrame
    properties: pd.DataFrame

    @property
    def num_seeds(self) -> int:
        """The largest number of seeds that a variant shares with the reference."""
        return int(self.verdicts["n"].max())


def compare_workload(work: Workload, *, facts: pd.DataFrame = correlations.NO_FACTS) -> Comparison | None:
    """The comparison of a workload; None where no variant shares the first look's seeds with its reference.

    `facts` is the table `properties` of `tables/functions.py`.
    """
    runs, reference = measured(work), work.reference
    value = judged(runs, reference=reference)
    if value is None:
        return None
    verdicts = family(work, value=value, reference=reference)
    if not (verdicts["look"] > 0).any():
        return None
    common = by_seed.on_common_seeds(runs, reference=reference)
    means = correlations.diagnostics(_of(work.tables.layers, common))
    loss = "test_loss" if np.isfinite(runs["test_loss"]).any() else value
    return Comparison(
        reference=reference,
        value=value,
        looks=work.looks,
        verdicts=verdicts,
        null_error=_null_error(runs, value=value, looks=work.looks, reference=reference),
        ranks=over_workloads.ranks(
            common.assign(workload=""), value=value, reference=reference, rng=np.random.default_rng(0)
        ),
        profile=over_workloads.profile(common.assign(workload=""), taus=TAUS),
        failures=over_workloads.failures(runs),
        pairs=all_pairs(runs, value=value),
        best_set=best_set.best_set(runs, value=value, looks=work.looks, rng=np.random.default_rng(0)),
        disagreements=ranking.disagreements(common) if value == "test_error" else pd.DataFrame(),
        diagnostics=correlations.correlate_diagnostics(means, common, value=loss, rng=np.random.default_rng(0)),
        accuracy_diagnostics=correlations.correlate_diagnostics(
            means, common, value="test_accuracy", rng=np.random.default_rng(0)
        ),
        properties=correlations.correlate_properties(facts, common, rng=np.random.default_rng(0)),
    )


def measured(work: Workload) -> pd.DataFrame:
    """The runs of a workload but those that failed."""
    return work.tables.runs[work.tables.runs["status"] != "failed"]


def _of(frame: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of `epochs` or `layers` that belong to these runs."""
    rows, kept = (pd.MultiIndex.from_frame(each[["run_id", "seed"]]) for each in (frame, runs))
    return frame[rows.isin(kept)]


def judged(runs: pd.DataFrame, *, reference: str) -> str | None:
    """The column that is judged; None where there is none with a margin, or no reference."""
    value = ranking.primary(runs)
    return value if value in JUDGED and reference in set(runs["variant"]) else None


def family(work: Workload, *, value: str, reference: str) -> pd.DataFrame:
    """The verdicts of a workload, see `paired.compare`, the largest improvement first."""
    table = paired.compare(
        measured(work), value=value, rng=np.random.default_rng(0), looks=work.looks, reference=reference
    )
    return table.sort_values("change", kind="stable", ignore_index=True)


def _null_error(runs: pd.DataFrame, *, value: str, looks: Looks, reference: str) -> float:
    wide = by_seed.by_seed(runs, value=value)
    wide = wide.loc[wide[reference].notna()]
    is_error = value.endswith("_error")
    names = [name for name in wide if name != reference]
    others, base = wide[names].to_numpy().T, wide[reference].to_numpy()
    if not is_error:
        others, base = np.log(others), np.log(base)
    others = others[np.isfinite(others).all(axis=1)]
    if not len(others) or not np.isfinite(base).all():
        return np.nan
    ends_of = selftest.of_errors if is_error else selftest.of_logarithms
    return selftest.exchanged(others, base, looks, rng=np.random.default_rng(0), ends_of=ends_of)
