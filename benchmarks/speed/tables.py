"""What a comparison of speed measured: rates, and their ratios paired by round.

A row of `epochs` of a run with task=speed is an arm in a round (the seed). A round's arms are measured in turn, so what
slows the machine for a while is common to them and leaves their ratio; over rounds stands the median, with the interval
of order statistics that holds it with 95 % or more, whatever the distribution: of six rounds the extremes.
"""

import json

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.workloads import NothingToReportError
from actbench.tables.schema import Tables

_OWN_WORK = 0.1  # share of a processor
ARM = ["comparison", "case", "arm"]
MEASURED = ["work", "train_seconds", "wall_seconds", "cpu_seconds", "accuracy", "load"]
_WORDS = ["case", "arm", "unit", "against", "left_out"]


def rounds(tables: Tables) -> pd.DataFrame:
    """The arms in every round, a row each, with `comparison` and `rate`; no row where no speed was measured.

    Raises:
        NothingToReportError: If the columns are not those of a comparison of speed.
    """
    runs = tables.runs.reindex(columns=tables.runs.columns.union(["task", "task.comparison"], sort=False))
    names = runs.loc[runs["task"] == "speed"].drop_duplicates("run_id").set_index("run_id")["task.comparison"]
    found = tables.epochs[tables.epochs["run_id"].isin(names.index)]
    if not len(found):
        return pd.DataFrame(columns=[*ARM, "rate"])
    # Without any value a column is not stored.
    found = found.reindex(columns=found.columns.union([*MEASURED, *_WORDS], sort=False))
    found = found.assign(comparison=found["run_id"].map(names))
    wrong = [name for name in ("comparison", *_WORDS) if not found[name].map(lambda told: isinstance(told, str)).all()]
    wrong += [name for name in MEASURED if not pd.api.types.is_numeric_dtype(found[name])]
    if wrong or not found["against"].map(_is_against).all():
        raise NothingToReportError(
            "These are no tables of a comparison of speed: a column is absent or holds something else "
            f"({', '.join(wrong) or 'against'})."
        )
    return found.assign(rate=found["work"] / found["train_seconds"])


def _is_against(told: str) -> bool:
    """Whether a cell gives the arms to compare with, each with a target or null, as JSON."""
    try:
        named = json.loads(told)
    except (ValueError, RecursionError):
        return False
    return isinstance(named, dict) and all(target is None or type(target) in (int, float) for target in named.values())


def rates(measured: pd.DataFrame) -> pd.DataFrame:
    """Each arm: rounds, medians of rate (with `low` and `high`) and seconds, CPU share, accuracy, why left out."""
    rows = []
    for key, own in measured.groupby(ARM, sort=False):
        done = own[own["left_out"] == ""]
        rate, low, high = median(done["rate"])
        used = (done["cpu_seconds"] / done["wall_seconds"]).median()
        rows.append(
            dict(zip(ARM, key, strict=True))
            | {"unit": own["unit"].iloc[0], "n": len(done), "rate": rate, "low": low, "high": high}
            | {"seconds": done["train_seconds"].median(), "whole_seconds": done["wall_seconds"].median()}
            # Work that takes less was done by processes that live on, whose time nobody is told.
            | {"cpu_share": used if used > _OWN_WORK else np.nan, "load": done["load"].median()}
            | {"accuracy": done["accuracy"].mean(), "accuracy_std": done["accuracy"].std()}
            | {"left_out": own["left_out"].iloc[0]}
        )
    return pd.DataFrame(rows)


def ratios(measured: pd.DataFrame) -> pd.DataFrame:
    """Each arm against each arm that it names: median ratio of rates by round, interval, n, target, `verdict`.

    Of a part the ratio is the share of the other's time, and the target is the most that is aimed at, otherwise the
    least. `reached` where the whole interval keeps to it, `missed` where none of it does, `open` where it holds the
    target or there are too few rounds for one. `accuracy_gain` is the median by round of
    what an arm is more accurate than the other, missing where either has no accuracy.
    """
    rows = []
    for (comparison, case), together in measured.groupby(ARM[:2], sort=False):
        measures = ["rate", "train_seconds", "accuracy"]
        wide = together.pivot_table(index="seed", columns="arm", values=measures, dropna=False)
        for arm, own in together.groupby("arm", sort=False):
            part = own["unit"].iloc[0] == "part"
            what = wide["train_seconds" if part else "rate"]
            for other, target in json.loads(own["against"].iloc[0]).items():
                paired = (what[arm] / what.get(other, np.nan)).dropna()
                if not len(paired):
                    continue
                ratio, low, high = median(paired)
                accuracy = wide["accuracy"] if "accuracy" in wide else wide["rate"] * np.nan  # of all arms missing
                gain, gain_low, gain_high = median(accuracy[arm] - accuracy[other])
                target = np.nan if target is None else float(target)
                rows.append(
                    {"comparison": comparison, "case": case, "arm": arm, "against": other, "is_part": part}
                    | {"ratio": ratio, "low": low, "high": high, "n": len(paired), "target": target}
                    | {"verdict": _verdict(low, high, target, at_most=part)}
                    | {"accuracy_gain": gain, "accuracy_gain_low": gain_low, "accuracy_gain_high": gain_high}
                )
    return pd.DataFrame(rows)


def median(values: pd.Series) -> tuple[float, float, float]:
    """The median and its interval, see above; the interval is missing where there are too few values for 95 %."""
    kept = values.dropna().to_numpy(dtype=float)
    if not len(kept):
        return (np.nan,) * 3
    found = scipy.stats.quantile_test(kept, q=np.median(kept), p=0.5).confidence_interval(0.95)
    return float(np.median(kept)), float(found.low), float(found.high)


def ratio_rows(ratios: pd.DataFrame) -> list[list[str]]:
    """Heading and rows for a reader; no row, no table."""
    if not len(ratios):
        return []
    rows = [["case", "arm", "against", "ratio", "n", "target", "", "accuracy gained"]]
    for row in ratios.to_dict("records"):
        ratio = interval(row["ratio"], row["low"], row["high"]) + (" of its time" if row["is_part"] else "")
        gain = (row[name] for name in ("accuracy_gain", "accuracy_gain_low", "accuracy_gain_high"))
        gained = "" if row["is_part"] else interval(*gain, digits=2)
        rows.append([row["case"], row["arm"], row["against"], ratio, str(row["n"]), aim(row), row["verdict"], gained])
    return rows


def aim(row: dict) -> str:
    """`≥ 5`, of a part `≤ 0.03`; nothing without a target."""
    return "" if np.isnan(row["target"]) else f"{'≤' if row['is_part'] else '≥'} {number(row['target'])}"


def interval(value: float, low: float, high: float, *, digits: int = 3) -> str:
    """`5.2 [5.0, 5.4]`, without brackets where there is no interval; nothing where there is no value."""
    told = number(value, digits=digits)
    return told if np.isnan(low) else f"{told} [{number(low, digits=digits)}, {number(high, digits=digits)}]"


def number(value: float, *, digits: int = 3) -> str:
    """So many digits, all of a large number."""
    if np.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def _verdict(low: float, high: float, target: float, *, at_most: bool) -> str:
    if np.isnan(target):
        return ""
    if at_most:
        low, high, target = -high, -low, -target
    if np.isnan(low) or low < target <= high:
        return "open"
    return "reached" if low >= target else "missed"
