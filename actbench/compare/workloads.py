"""What a report compares: variants, which differ on purpose, within a workload, which is the same for all of them."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actbench.compare.looks import USUAL, Looks
from actbench.tables.schema import REFERENCE, Tables, config_columns
from actbench.tables.text import one_line, text

# A workload is repeated over its seeds, looked at after some of them, and has a variant that others are compared with;
# where the data are stored changes no number.
_IGNORED_KEYS = ("seed", "num_seeds", "data.root", "looks", "reference")
# The keys that each track of conf/track/ sets differently from the shared one.
# They are chosen for each activation, so on that track they belong to the variant.
TRACKS = {"shared": (), "tuned_init": ("init",), "tuned_lr": ("optim.lr",), "tuned": ("init", "optim.lr")}
_NUMBER = re.compile(r"(?<==)[-+]?\d+\.?\d*(?:e[-+]?\d+)?(?= |$)")  # the value of a parameter


class NothingToReportError(ValueError):
    """The tables hold nothing to report; the message says why."""


@dataclass(frozen=True)
class Workload:
    """Runs that may be compared with each other.

    Attributes:
        title: The config keys in which this workload differs from the others, `data=mnist`; "" if it is the only one.
        config: Its config as text, without the activation's keys.
        tables: Its tables; all have the columns `variant` and `status`.
        twice: Number of runs left out because their variant was already measured on their seed.
    """

    title: str
    config: dict[str, str]
    tables: Tables
    twice: int

    @property
    def looks(self) -> Looks:
        """The looks that were stated when the first of its seeds was measured; the usual ones where none were."""
        return looks_of(self.tables.runs)

    @property
    def reference(self) -> str:
        """The variant that all others are compared with, stated when the first seed was measured; relu where none was.

        It need not be one of the variants.
        """
        stated = _stated(self.tables.runs, "reference") or REFERENCE
        names = {_plain(str(name)): str(name) for name in self.tables.runs["variant"]}
        return names.get(_plain(stated), stated)


def looks_of(runs: pd.DataFrame) -> Looks:
    """The looks that were stated when the first seed of these runs was measured; the usual ones where none were."""
    try:
        return Looks(tuple(json.loads(_stated(runs, "looks"))))
    except (ValueError, TypeError):  # none, or a stranger's table
        return USUAL


def _stated(runs: pd.DataFrame, column: str) -> str:
    """What is stated in a column, by the first seed that has it; "" without one."""
    stated = runs.sort_values("seed", kind="stable")[column].dropna() if column in runs else pd.Series()
    return one_line(stated.iloc[0]) if len(stated) else ""


def _plain(variant: str) -> str:
    """A variant with its numbers as `text` writes them: `slope=0` of `slope=0.0`."""
    return _NUMBER.sub(lambda match: text(float(match[0])), variant)


def workloads(tables: Tables, *, run_ids: Collection[str] | None = None) -> list[Workload]:
    """The workloads in the tables, in the order of their titles; with `run_ids` only those that hold such a run.

    Raises:
        NothingToReportError: If there is no run or no column `act`, or none of `run_ids` is in the tables.
    """
    runs = tables.runs
    if not len(runs):
        raise NothingToReportError("The tables hold no run, so there is nothing to report.")
    if "act" not in runs:
        raise NothingToReportError(
            "The table `runs` has no column `act`: a report compares activations by that column."
        )
    config = pd.DataFrame({one_line(name): runs[name].map(text) for name in config_columns(runs)}, index=runs.index)
    keys = config[[n for n in config.columns if n.split(".")[0] != "act" and n not in _IGNORED_KEYS]]
    if "track" in keys:
        keys = _without_tuned(keys)
    keys = keys.assign(PROTOCOL=runs["protocol"].map(text))
    groups = keys.groupby(list(keys), sort=False).ngroup()
    if run_ids is not None:
        selected = groups[runs["run_id"].isin(list(run_ids))].unique()
        if not len(selected):
            raise NothingToReportError(f"None of the runs {', '.join(sorted(run_ids))} is in the tables.")
        groups = groups[groups.isin(selected)]
    config, keys, runs = config.loc[groups.index], keys.loc[groups.index], runs.loc[groups.index]
    runs = runs.assign(variant=_variants(config))
    titles = _titles(keys.groupby(groups).first())
    works = [
        _workload(
            tables._replace(runs=runs[groups == group]), title=titles[group], config=keys[groups == group].iloc[0]
        )
        for group in groups.unique()
    ]
    return sorted(works, key=lambda work: [_sort_key(setting) for setting in work.title.split(", ")])


def protocol_notes(runs: pd.DataFrame, *, run_ids: Collection[str]) -> list[str]:
    """A sentence for each PROTOCOL of the other runs that is not the one of `run_ids`, so not compared with them."""
    protocols = runs.loc[runs["run_id"].isin(list(run_ids)), "protocol"].unique()
    others = runs.loc[~runs["protocol"].isin(protocols), ["run_id", "protocol"]].drop_duplicates()
    current = " and ".join(map(str, sorted(protocols)))
    return [
        f"{len(group)} run{'s' if len(group) > 1 else ''} of PROTOCOL {protocol}, which is not compared with {current}."
        for protocol, group in others.groupby("protocol")
        if current
    ]


def _variants(config: pd.DataFrame) -> pd.Series:
    """The activation's name with those of its parameters that differ between its runs: `elu alpha=0.5`."""
    labels = _names(config)
    parameters = [name for name in config.columns if name.startswith("act.")]
    for _, group in config.groupby(labels):
        for name in parameters:
            if len(group[name].unique()) > 1:
                suffix = f" {name.removeprefix('act.')}=" + group[name].replace("", "default")
                labels = labels.add(suffix.reindex(labels.index, fill_value=""))
    return labels


def _without_tuned(keys: pd.DataFrame) -> pd.DataFrame:
    """The keys without the values that the run's track chose for its activation."""
    for track, chosen in TRACKS.items():
        names = [n for n in map(str, keys) if any(n == key or n.startswith(f"{key}.") for key in chosen)]
        keys = keys.assign(**{name: keys[name].mask(keys["track"] == track, "") for name in names})
    return keys


def _names(config: pd.DataFrame) -> pd.Series:
    """The activation of each run; a user's own that shares its name with another goes by its dotted path."""
    if "act.target" not in config:
        return config["act"].copy()
    is_shared = config.groupby("act")["act.target"].transform("nunique") > 1
    return config["act"].mask(is_shared & (config["act.target"] != ""), config["act.target"])


def _titles(keys: pd.DataFrame) -> pd.Series:
    """The keys that differ, `data=mnist, optim.lr=0.1`, without those that follow from the option of their group."""
    differing = [name for name in keys.columns if len(keys[name].unique()) > 1]

    def is_implied(name: str) -> bool:
        group = name.split(".")[0]
        return group != name and group in differing and int(keys.groupby(group)[name].nunique().max()) == 1

    names = [name for name in differing if not is_implied(name)]

    def title(row: pd.Series) -> str:
        settings = ", ".join(f"{name}={row[name]}" for name in names if row[name])
        return settings or ", ".join(f"without {name}" for name in names)

    return keys.apply(title, axis=1)


def _workload(tables: Tables, *, title: str, config: pd.Series) -> Workload:
    runs = tables.runs.assign(_failed=tables.runs["status"] == "failed")
    unique = runs.sort_values(["_failed", "run_id"], kind="stable").drop_duplicates(["variant", "seed"])
    unique = unique.drop(columns="_failed").sort_values(["variant", "seed"], ignore_index=True)
    unique = unique.assign(**{f"{split}_error": 1 - unique[f"{split}_accuracy"] for split in ("val", "test")})
    frames = {
        name: frame.merge(unique[["run_id", "seed", "variant", "status"]], on=["run_id", "seed"], how="inner")
        for name, frame in (("epochs", tables.epochs), ("layers", tables.layers))
    }
    settings = {str(name): value for name, value in config.items() if value}
    return Workload(title, settings, Tables(runs=unique, **frames), twice=len(runs) - len(unique))


def _sort_key(setting: str) -> tuple[str, float, str]:
    """Order by name, then numbers by size and before text: `optim.lr=0.01`, `optim.lr=0.1`, `optim.lr=auto`."""
    name, _, value = setting.partition("=")
    try:
        return name, float(value), ""
    except ValueError:
        return name, np.inf, value
