"""What a report compares: variants (what differs on purpose) within workloads (what must be the same to compare)."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.tables.schema import Tables, config_columns
from actbench.tables.text import one_line, text

# Which seeds were drawn is not part of what they are drawn for; where the data lie changes no number.
_NOT_A_WORKLOAD = ("seed", "num_seeds", "data.root")
# What each track of conf/track/ sets otherwise than the shared one.
TRACKS = {"shared": (), "matched_init": ("init",), "tuned_lr": ("optim.lr",), "tuned": ("init", "optim.lr")}
# Where the track sets it, it was chosen for each activation: the variant's own, not what it is compared on.
_CHOSEN = "optim.lr"


class NothingToReportError(ValueError):
    """The tables hold nothing that a report could be made of; the message says why."""


@dataclass(frozen=True)
class Workload:
    """Runs that may be compared with each other.

    Attributes:
        title: The config keys in which this workload differs from the others shown, `data=mnist`; "" if it is alone.
        config: Its config as text, without the activation's part.
        tables: Its tables; each has the columns `variant` and `status` too.
        twice: Runs left out because the same variant was measured on the same seed already.
    """

    title: str
    config: dict[str, str]
    tables: Tables
    twice: int


def workloads(tables: Tables, *, run_ids: Collection[str] | None = None) -> list[Workload]:
    """The workloads in the tables, or with `run_ids` those that these runs belong to, in the order of their titles.

    Raises:
        NothingToReportError: If there is no run, no column `act`, or none of `run_ids` is there.
    """
    runs = tables.runs
    if not len(runs):
        raise NothingToReportError("The tables hold no run, so there is nothing to report.")
    if "act" not in runs:
        raise NothingToReportError(
            "The table `runs` has no column `act`: a report compares activations by that column."
        )
    config = pd.DataFrame({one_line(name): runs[name].map(text) for name in config_columns(runs)}, index=runs.index)
    keys = config[[n for n in config.columns if n.split(".")[0] != "act" and n not in _NOT_A_WORKLOAD]]
    if {"track", _CHOSEN} <= set(keys):
        tuned = [track for track, own in TRACKS.items() if _CHOSEN in own]
        keys = keys.assign(**{_CHOSEN: keys[_CHOSEN].mask(keys["track"].isin(tuned), "")})
    keys = keys.assign(PROTOCOL=runs["protocol"].map(text))
    number = keys.groupby(list(keys), sort=False).ngroup()
    if run_ids is not None:
        chosen = number[runs["run_id"].isin(list(run_ids))].unique()
        if not len(chosen):
            raise NothingToReportError(f"None of the runs {', '.join(sorted(run_ids))} is in the tables.")
        number = number[number.isin(chosen)]
    config, keys, runs = config.loc[number.index], keys.loc[number.index], runs.loc[number.index]
    runs = runs.assign(variant=_variants(config))
    titles = _titles(keys.groupby(number).first())
    found = [
        _workload(
            tables._replace(runs=runs[number == which]), title=titles[which], config=keys[number == which].iloc[0]
        )
        for which in number.unique()
    ]
    return sorted(found, key=lambda workload: [_natural(part) for part in workload.title.split(", ")])


def of_another_protocol(runs: pd.DataFrame, *, run_ids: Collection[str]) -> list[str]:
    """A sentence for each PROTOCOL that stands beside the one of these runs, and is not compared with it."""
    own = runs.loc[runs["run_id"].isin(list(run_ids)), "protocol"].unique()
    others = runs.loc[~runs["protocol"].isin(own), ["run_id", "protocol"]].drop_duplicates()
    now = " and ".join(map(str, sorted(own)))
    return [
        f"{len(found)} run{'s' if len(found) > 1 else ''} of PROTOCOL {protocol}, which is not compared with {now}."
        for protocol, found in others.groupby("protocol")
        if now
    ]


def _variants(config: pd.DataFrame) -> pd.Series:
    """The activation's name, and those of its parameters that differ between its own runs: `elu alpha=0.5`."""
    labels = config["act"].copy()
    parameters = [name for name in config.columns if name.startswith("act.")]
    for _, own in config.groupby("act"):
        for name in parameters:
            if len(own[name].unique()) > 1:
                told = f" {name.removeprefix('act.')}=" + own[name].replace("", "default")
                labels = labels.add(told.reindex(labels.index, fill_value=""))
    return labels


def _titles(keys: pd.DataFrame) -> pd.Series:
    """`data=mnist, optim.lr=0.1`: what differs, leaving out what follows from the option chosen in its group."""
    differing = [name for name in keys.columns if len(keys[name].unique()) > 1]

    def follows(name: str) -> bool:
        group = name.split(".")[0]
        return group != name and group in differing and int(keys.groupby(group)[name].nunique().max()) == 1

    told = [name for name in differing if not follows(name)]

    def title(row: pd.Series) -> str:
        given = ", ".join(f"{name}={row[name]}" for name in told if row[name])
        return given or ", ".join(f"without {name}" for name in told)

    return keys.apply(title, axis=1)


def _workload(tables: Tables, *, title: str, config: pd.Series) -> Workload:
    runs = tables.runs.assign(_failed=tables.runs["status"] == "failed")
    once = runs.sort_values(["_failed", "run_id"], kind="stable").drop_duplicates(["variant", "seed"])
    once = once.drop(columns="_failed").sort_values(["variant", "seed"], ignore_index=True)
    parts = {
        name: frame.merge(once[["run_id", "seed", "variant", "status"]], on=["run_id", "seed"], how="inner")
        for name, frame in (("epochs", tables.epochs), ("layers", tables.layers))
    }
    shared = {str(name): value for name, value in config.items() if value}
    return Workload(title, shared, Tables(runs=once, **parts), twice=len(runs) - len(once))


def _natural(part: str) -> tuple[str, float, str]:
    """`optim.lr=0.01` before `optim.lr=0.1` before `optim.lr=auto`."""
    name, _, value = part.partition("=")
    try:
        return name, float(value), ""
    except ValueError:
        return name, np.inf, value
