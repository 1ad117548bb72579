"""What a comparison of speed measured: rates, and their ratios paired by round.

A row of `epochs` of a run with task=speed is an arm in a round (the seed). The arms of a round are measured in turn, so
what slows the machine for a while slows them all and leaves their ratio. Over rounds the median is given, with the
interval of order statistics that holds it with 95 % or more, whatever the distribution; for six rounds, the extremes.
"""

import json

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.workloads import NothingToReportError
from actbench.report.numbers import bracketed, rounded
from actbench.tables.schema import Tables

_MIN_CPU_SHARE = 0.1  # of one processor
ARM = ["comparison", "case", "arm"]
MEASURED = ["work", "train_seconds", "wall_seconds", "cpu_seconds", "accuracy", "load"]
_TEXTS = ["case", "arm", "unit", "against", "left_out"]


def rounds(tables: Tables) -> pd.DataFrame:
    """A row for each arm in each round, with `comparison` and `rate`; no row where no speed was measured.

    Of each comparison the rounds of its latest PROTOCOL count.

    Raises:
        NothingToReportError: If the columns are not those of a comparison of speed.
    """
    runs = tables.runs.reindex(columns=tables.runs.columns.union(["task", "task.comparison"], sort=False))
    speed = runs[runs["task"] == "speed"]
    speed = speed[speed["protocol"] == speed.groupby("task.comparison")["protocol"].transform("max")]
    names = speed.drop_duplicates("run_id").set_index("run_id")["task.comparison"]
    rows = tables.epochs[tables.epochs["run_id"].isin(names.index)]
    if not len(rows):
        return pd.DataFrame(columns=[*ARM, "rate"])
    # A column without any value is not stored.
    rows = rows.reindex(columns=rows.columns.union([*MEASURED, *_TEXTS], sort=False))
    rows = rows.assign(comparison=rows["run_id"].map(names))
    wrong = [name for name in ("comparison", *_TEXTS) if not rows[name].map(lambda cell: isinstance(cell, str)).all()]
    wrong += [name for name in MEASURED if not pd.api.types.is_numeric_dtype(rows[name])]
    if wrong or not rows["against"].map(_is_against).all():
        raise NothingToReportError(
            "These are not the tables of a comparison of speed: a column is missing or holds values of another type "
            f"({', '.join(wrong) or 'against'}). Give a folder that python -m benchmarks.speed wrote."
        )
    return rows.assign(rate=rows["work"] / rows["train_seconds"])


def _is_against(cell: str) -> bool:
    """Whether a cell holds the arms to compare with, each with a target or null, as JSON."""
    try:
        arms = json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return isinstance(arms, dict) and all(target is None or type(target) in (int, float) for target in arms.values())


def rates(rounds: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm: rounds, medians of rate (with `low`, `high`) and seconds, CPU share, accuracy, `left_out`.

    Arms that only read values have no rate; one that was left out says so.
    """
    rows = []
    rounds = rounds[(rounds["unit"] != "values") | (rounds["left_out"] != "")]
    for key, arm in rounds.groupby(ARM, sort=False):
        done = arm[arm["left_out"] == ""]
        rate, low, high = median(done["rate"])
        cpu_share = (done["cpu_seconds"] / done["wall_seconds"]).median()
        rows.append(
            dict(zip(ARM, key, strict=True))
            | {"unit": arm["unit"].iloc[0], "n": len(done), "rate": rate, "low": low, "high": high}
            | {"seconds": done["train_seconds"].median(), "whole_seconds": done["wall_seconds"].median()}
            # Below that, the work was done by processes that live on, whose CPU time cannot be read.
            | {"cpu_share": cpu_share if cpu_share > _MIN_CPU_SHARE else np.nan, "load": done["load"].median()}
            | {"accuracy": done["accuracy"].mean(), "accuracy_std": done["accuracy"].std()}
            | {"left_out": arm["left_out"].iloc[0]}
        )
    return pd.DataFrame(rows)


def ratios(rounds: pd.DataFrame) -> pd.DataFrame:
    """A row for each arm and each arm in its `against`: median ratio of rates by round, interval, n, target, verdict.

    For a part the ratio is its share of the other arm's time, and the target is the largest aimed at; otherwise it is
    the smallest. The verdict is `reached` where the whole interval meets the target, `missed` where none of it does,
    and `open` where the interval holds the target or there are too few rounds for an interval. `accuracy_gain` is the
    median over rounds of the arm's accuracy minus the other's, missing where either has none.
    """
    rows = []
    for (comparison, case), case_rounds in rounds.groupby(ARM[:2], sort=False):
        measures = ["rate", "train_seconds", "accuracy"]
        wide = case_rounds.pivot_table(index="seed", columns="arm", values=measures, dropna=False)
        for arm, arm_rounds in case_rounds.groupby("arm", sort=False):
            is_part = arm_rounds["unit"].iloc[0] == "part"
            values = wide["train_seconds" if is_part else "rate"]
            for other, target in json.loads(arm_rounds["against"].iloc[0]).items():
                paired = (values[arm] / values.get(other, np.nan)).dropna()
                if not len(paired):
                    continue
                ratio, low, high = median(paired)
                accuracy = wide["accuracy"] if "accuracy" in wide else wide["rate"] * np.nan  # missing in all arms
                gain, gain_low, gain_high = median(accuracy[arm] - accuracy[other])
                target = np.nan if target is None else float(target)
                rows.append(
                    {"comparison": comparison, "case": case, "arm": arm, "against": other, "is_part": is_part}
                    | {"ratio": ratio, "low": low, "high": high, "n": len(paired), "target": target}
                    | {"verdict": verdict_on(low, high, target, at_most=is_part)}
                    | {"accuracy_gain": gain, "accuracy_gain_low": gain_low, "accuracy_gain_high": gain_high}
                )
    return pd.DataFrame(rows)


def median(values: pd.Series) -> tuple[float, float, float]:
    """The median and its interval, as above; the interval is missing where there are too few values for 95 %."""
    present = values.dropna().to_numpy(dtype=float)
    if not len(present):
        return (np.nan,) * 3
    bounds = scipy.stats.quantile_test(present, q=np.median(present), p=0.5).confidence_interval(0.95)
    return float(np.median(present)), float(bounds.low), float(bounds.high)


def ratio_rows(ratios: pd.DataFrame) -> list[list[str]]:
    """The ratios as the cells of a table, heading first; empty where there is no ratio."""
    if not len(ratios):
        return []
    rows = [["case", "arm", "against", "ratio", "n", "target", "", "accuracy gained"]]
    for row in ratios.to_dict("records"):
        ratio = bracketed(row["ratio"], row["low"], row["high"]) + (" of its time" if row["is_part"] else "")
        gain = (row[name] for name in ("accuracy_gain", "accuracy_gain_low", "accuracy_gain_high"))
        gained = "" if row["is_part"] else bracketed(*gain, digits=2)
        rows.append([row["case"], row["arm"], row["against"], ratio, str(row["n"]), aim(row), row["verdict"], gained])
    return rows


def aim(row: dict) -> str:
    """`≥ 5`, for a part `≤ 0.03`; "" without a target."""
    return "" if np.isnan(row["target"]) else f"{'≤' if row['is_part'] else '≥'} {rounded(row['target'])}"


def verdict_on(low: float, high: float, target: float, *, at_most: bool = False) -> str:
    """Whether the interval meets the target, misses it, or holds it; "" without one."""
    if np.isnan(target):
        return ""
    if at_most:
        low, high, target = -high, -low, -target
    if np.isnan(low) or low < target <= high:
        return "open"
    return "reached" if low >= target else "missed"
