"""Looks of a sweep: the packs of seeds that each needs, what is open after it, and what the next one costs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from actbench.command import compose
from actbench.command.compose import Lines
from actbench.command.job import Job
from actbench.command.options import ConfigError
from actbench.compare import undecided
from actbench.compare.looks import Looks
from actbench.compare.workloads import workloads
from actbench.ledger import plan
from actbench.ledger.claims import Claim
from actbench.ledger.evidence import Evidence, select
from actbench.measure.identity import columns, run_id
from actbench.tables import store
from actbench.tables.schema import Tables


class Open(NamedTuple):
    """What more seeds may decide after a look: the runs whose settings need them, and a sentence about it."""

    run_ids: set[str]
    text: str


def check(jobs: Sequence[Job]) -> None:
    """Raise a ConfigError unless all packs of seeds of these jobs end at a look, in one folder."""
    folders, looks = {job.folder for job in jobs}, {tuple(job.config.looks) for job in jobs}
    if len(folders) > 1 or len(looks) > 1:
        raise ConfigError("hydra/sweeper=settle is for one results folder with one list of looks.")
    sizes, given = Looks(looks.pop()).sizes, f"looks={list(jobs[0].config.looks)}"
    for job in jobs:
        seed, pack = job.config.seed, job.config.num_seeds
        if seed + pack > sizes[0]:
            raise ConfigError(f"seed={seed} with num_seeds={pack} is beyond the first look, {given}: leave it out.")
        if any(size % pack for size in sizes):
            raise ConfigError(f"num_seeds={pack} must divide each look, {given}.")


class Settling:
    """The settings of a sweep with their packs of seeds from 0 on."""

    def __init__(self, lines: Lines) -> None:
        self.folder = lines[0][1].folder
        self.looks = Looks(tuple(lines[0][1].config.looks))
        self._packs: dict[str, Lines] = {}
        for line, job in lines:
            self._packs.setdefault(_setting(job), [(line, job)])
        for packs in self._packs.values():
            line, job = packs[0]
            step = job.config.num_seeds
            packs[:] = [compose.changed(line, job, {"seed": s}) for s in range(0, self.looks.sizes[-1], step)]
        self._settings = {run_id(job): key for key, packs in self._packs.items() for _, job in packs}

    def packs(self, settings: Sequence[str], size: int) -> Lines:
        """The packs of these settings up to a look."""
        return [(line, job) for key in settings for line, job in self._packs[key] if job.config.seed < size]

    def all_settings(self) -> list[str]:
        return list(self._packs)

    def settings_of(self, run_ids: set[str]) -> list[str]:
        """The settings of this sweep to which runs belong."""
        found = {self._settings[name] for name in run_ids if name in self._settings}
        return [key for key in self._packs if key in found]

    def cost(self, settings: Sequence[str], *, look: int, tables: Tables, n_jobs: int | None) -> str:
        """The runs of the next look and the hours that they take, by the training times so far.

        `n_jobs` is joblib's: -1 stands for every core, None for one.
        """
        before, after = self.looks.sizes[look - 1 : look + 1]
        seconds = tables.runs.groupby("run_id")["train_seconds"].mean()
        packs = [job for key in settings for _, job in self._packs[key] if before <= job.config.seed < after]
        usual = float(seconds.mean())
        each = [job.config.num_seeds * seconds.get(run_id(self._packs[_setting(job)][0][1]), usual) for job in packs]
        hours = float(np.sum(each)) / 3600 / joblib.effective_n_jobs(n_jobs)
        runs = f"{len(packs)} run{'s' if len(packs) > 1 else ''}"
        return f"{runs}, about {hours:.1f} hours" if np.isfinite(hours) else runs


def open_after(folder: Path, claims: Sequence[Claim]) -> Open:
    """What more seeds may decide: comparisons with the reference, and claimed atoms that rest on this folder."""
    tables = store.collect(folder)
    works = workloads(tables, run_ids=_latest(tables))
    compared = undecided.comparisons(works)
    evidence = Evidence(folder.parent)
    cases = plan.open_cases(folder.name, claims, evidence)
    run_ids = set(compared.run_ids)
    for case in cases:
        frame = evidence.frame(folder.name, case.table)
        run_ids |= set(select(frame, case.where)["run_id"]) if frame is not None else set()
    which = f": {', '.join(dict.fromkeys(compared.names))}" if compared.names else ""
    text = f"{len(compared.names)} of {compared.num_all} comparisons are open{which}"
    text += f"; {compared.num_ended} stayed undecided at the last look" if compared.num_ended else ""
    return Open(run_ids, f"{text}; claims need more seeds of {len(cases)} settings")


def _latest(tables: Tables) -> list[str]:
    runs = tables.runs
    return list(runs.loc[runs["protocol"] == runs["protocol"].max(), "run_id"])


def _setting(job: Job) -> str:
    """The same for jobs that differ in their seed alone."""
    values = {key: value for key, value in columns(job).items() if key != "seed"}
    return json.dumps(values, sort_keys=True, default=str)
