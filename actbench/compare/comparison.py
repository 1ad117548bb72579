"""The paired comparison of one workload: every number and table that a report draws on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.compare import by_seed, correlations, over_workloads, paired, ranking
from actbench.compare.paired import all_pairs, null_rates
from actbench.compare.significance import MIN_PAIRS
from actbench.compare.workloads import Workload
from actbench.tables.schema import REFERENCE

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
        loss: `paired.compare` on it, lowest mean difference first.
        accuracy_margin: The smallest difference of accuracy that matters; nan where none was stated beforehand.
        accuracy: `paired.compare` on test accuracy; without rows where it was not measured.
        null: The A/A test, see `paired.null_rates`.
        ranks, profile, failures: See `over_workloads`; `profile` has no rows where no run reached its target.
        pairs: See `paired.all_pairs`.
        diagnostics, accuracy_diagnostics, properties: See `correlations`; without rows where nothing can be correlated.
    """

    reference: str
    value: str
    margin: float
    loss: pd.DataFrame
    accuracy_margin: float
    accuracy: pd.DataFrame
    null: paired.NullRates
    ranks: pd.DataFrame
    profile: pd.DataFrame
    failures: pd.DataFrame
    pairs: pd.DataFrame
    diagnostics: pd.DataFrame
    accuracy_diagnostics: pd.DataFrame
    properties: pd.DataFrame

    @property
    def num_seeds(self) -> int:
        """The largest number of seeds that a variant shares with the reference."""
        return int(self.loss["n"].max())


def compare_workload(
    work: Workload, *, reference: str = REFERENCE, facts: pd.DataFrame = correlations.NO_FACTS
) -> Comparison | None:
    """The comparison of a workload; None where no variant shares five seeds with the reference.

    `facts` is the table `properties` of `tables/functions.py`.
    """
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    value = ranking.primary(runs)
    if value is None:
        return None
    wide = by_seed.by_seed(runs, value=value)
    num_shared = wide.notna().mul(wide[reference].notna(), axis=0).sum() if reference in wide else pd.Series(dtype=int)
    if (num_shared.drop(reference, errors="ignore") >= MIN_PAIRS).sum() == 0:
        return None
    margins = [by_seed.margin(runs, value=name, reference=reference) for name in (value, "test_accuracy")]
    tables = [
        paired.compare(runs, value=name, margin=margin, rng=np.random.default_rng(0), reference=reference)
        for name, margin in zip((value, "test_accuracy"), margins, strict=True)
        if np.isfinite(runs[name]).any()
    ]
    loss = tables[0].sort_values("mean", kind="stable", ignore_index=True)
    one_workload = runs.assign(workload="")
    return Comparison(
        reference=reference,
        value=value,
        margin=margins[0],
        loss=loss,
        accuracy_margin=margins[1],
        accuracy=tables[1] if len(tables) > 1 else loss[:0],
        null=null_rates(runs, value=value, rng=np.random.default_rng(0), reference=reference),
        ranks=over_workloads.ranks(one_workload, value=value, reference=reference, rng=np.random.default_rng(0)),
        profile=over_workloads.profile(one_workload, taus=TAUS),
        failures=over_workloads.failures(runs),
        pairs=all_pairs(runs, value=value, margin=margins[0]),
        diagnostics=correlations.correlate_diagnostics(
            work.tables.layers, runs, value=value, rng=np.random.default_rng(0)
        ),
        accuracy_diagnostics=correlations.correlate_diagnostics(
            work.tables.layers, runs, value="test_accuracy", rng=np.random.default_rng(0)
        ),
        properties=correlations.correlate_properties(facts, runs, rng=np.random.default_rng(0)),
    )
