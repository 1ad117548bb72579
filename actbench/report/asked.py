"""The answer that an experiment asks for in a line of its file, `# answered by: lowest test_error, learned.beta`."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from actbench.compare.intervals import mean_interval
from actbench.compare.workloads import NothingToReportError, Workload
from actbench.report import measures, sentences, settings
from actbench.report.measures import Measure
from actbench.report.numbers import enumeration

_EXTREME = re.compile(r"(?P<end>lowest|highest) (?P<column>[\w.]+)")
_PAIR = re.compile(r"(?P<column>[\w.]+) of (?P<act>\w+) against (?P<reference>\w+)")
_FARTHEST = re.compile(r"farthest (?P<column>[\w.]+) of (?P<act>\w+) from (?P<reference>\w+)")
_COLUMN = re.compile(r"(?P<column>[\w.]+)")


def column(entry: str) -> str:
    """The column of an entry.

    Raises:
        NothingToReportError: If the entry has none of the forms.
    """
    return _parts(entry)["column"]


def activations(entry: str) -> set[str]:
    """The activations that an entry compares."""
    return {name for key, name in _parts(entry).items() if key in ("act", "reference")}


def _parts(entry: str) -> dict[str, str]:
    """An entry by the names of its parts."""
    for form in (_EXTREME, _PAIR, _FARTHEST, _COLUMN):
        if found := form.fullmatch(entry):
            return found.groupdict()
    raise NothingToReportError(
        f"An experiment is answered by `{entry}`, but an answer is a COLUMN, `lowest COLUMN`, `highest COLUMN`, "
        "`COLUMN of ACT against ACT` or `farthest COLUMN of ACT from ACT`."
    )


def statements(entries: Sequence[str], works: list[Workload]) -> list[str]:
    """The sentences of the entries that ask for more than the means of a column, where the tables hold it."""
    said = []
    for entry in entries:
        measure = measures.of(column(entry), works)
        if measure is None:
            continue
        if found := _EXTREME.fullmatch(entry):
            said.append(_extreme(measure, found["column"], works, end=found["end"]))
        elif found := _PAIR.fullmatch(entry):
            said.append(_pair(measure, found["column"], works, act=found["act"], reference=found["reference"]))
        elif found := _FARTHEST.fullmatch(entry):
            said.append(_farthest(measure, found["column"], works, act=found["act"], reference=found["reference"]))
    return [sentence for sentence in said if sentence]


def means(entries: Sequence[str]) -> list[str]:
    """The columns whose means are asked for."""
    return [entry for entry in entries if _COLUMN.fullmatch(entry)]


def _extreme(measure: Measure, column: str, works: list[Workload], *, end: str) -> str:
    """`relu6 (depth 2, lr 0.003) has the highest mean …, 8.9 [8.1, 9.7] %, n = 10; none of …`"""
    values = _values(measure, column, works)
    where = values["setting"].map(lambda setting: f" ({setting})" if setting else "")
    values = values.assign(variant=values["variant"].astype(str) + where).rename(columns={"value": column})
    return sentences.extreme(values, column, end=end, words=measure.named(column))


def _pair(measure: Measure, column: str, works: list[Workload], *, act: str, reference: str) -> str:
    """`tanh's test error is lower than sigmoid's in 2 of 2 settings: 2.3 % against 2.9 % (depth 2), 2.8 % against …`"""
    pairs = _pairs(measure, column, works, act=act, reference=reference)
    if not len(pairs):
        return ""
    at = pairs.groupby("setting", sort=False)[["value", "reference"]].mean()
    lower = int((at["value"] < at["reference"]).sum())
    each = enumeration(
        f"{measure.write(row['value'])} against {measure.write(row['reference'])}{f' ({name})' if name else ''}"
        for name, row in at.iterrows()
    )
    count = f"in {lower or 'none'} of {len(at)} settings"
    return f"{act}'s {measure.named(column)} is lower than {reference}'s {count}: {each} ({_seeds(pairs)})."


def _farthest(measure: Measure, column: str, works: list[Workload], *, act: str, reference: str) -> str:
    """`celu and elu are farthest apart in validation error with alpha=0.5: celu's less elu's is −0.06 [−0.13, …`"""
    pairs = _pairs(measure, column, works, act=act, reference=reference)
    if not len(pairs):
        return ""
    pairs = pairs.assign(difference=pairs["value"] - pairs["reference"])
    setting = pairs.groupby("setting", sort=False)["difference"].mean().abs().idxmax()
    found = mean_interval(pairs.loc[pairs["setting"] == setting, "difference"], rng=np.random.default_rng(0))
    difference = f"{act}'s less {reference}'s is {sentences.points(found, column)}, n = {found.n}"
    return f"{act} and {reference} are farthest apart in {measure.named(column)} with {setting}: {difference}."


def _seeds(pairs: pd.DataFrame) -> str:
    return f"means of {pairs.groupby('setting')['seed'].nunique().max()} seeds"


def _pairs(measure: Measure, column: str, works: list[Workload], *, act: str, reference: str) -> pd.DataFrame:
    """`setting, seed, value, reference`: two activations on the same seeds, with the same parameters and settings."""
    values = _values(measure, column, works)
    names = values["variant"].astype(str).str.partition(" ")
    setting = names[2].where(values["setting"] == "", names[2] + ", " + values["setting"]).str.removeprefix(", ")
    values = values.assign(setting=setting, act=names[0])
    keyed = values[["setting", "seed", "act", "value"]]
    here, there = (keyed[keyed["act"] == name].drop(columns="act") for name in (act, reference))
    return here.merge(there.rename(columns={"value": "reference"}), on=["setting", "seed"])


def _values(measure: Measure, column: str, works: list[Workload]) -> pd.DataFrame:
    """`variant, seed, value, setting`: the measure of each seed of what did not fail."""
    frames = [
        measure.values(work.tables._replace(runs=runs), column).assign(setting=name)
        for name, work in zip(settings.named(works), works, strict=True)
        for runs in [work.tables.runs[work.tables.runs["status"] != "failed"]]
    ]
    return pd.concat(frames, ignore_index=True)
