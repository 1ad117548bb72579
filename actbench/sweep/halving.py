"""Jobs of a sweep -> a tuning: what successive halving is asked for, and the runs it needs next."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.compose import Lines
from actbench.command.job import Job
from actbench.command.options import ConfigError
from actbench.command.tuned import TUNED
from actbench.compare import halving
from actbench.compare.halving import Course
from actbench.measure.identity import columns, run_id
from actbench.measure.streams import PROTOCOL
from actbench.tables import store, tuning
from actbench.tables.text import text
from actbench.tables.tuning import FIRST_SEED, Setting, Tuning

_ASCENDING = "whole numbers, each larger than the one before, as [2,4,10]: a setting's seeds up to each rung."
_KEEP = "a whole number, 1 or more, for each rung but the last: how many settings go on."


def shared_setting(config: DictConfig) -> Setting:
    """The setting of the shared track, from a sweep's config without its axes; a ConfigError if it is to be tuned."""
    lr, init = config.optim.lr, config.hydra.runtime.choices["init"]
    if TUNED in (lr, init):
        raise ConfigError(
            f"optim.lr={lr}, init={init} takes what a tuning chose, but hydra/sweeper=halving is to choose it: give "
            "track=shared, numbers for optim.lr and options of init."
        )
    return Setting(float(lr), init)


def tuning_of(jobs: Sequence[Job], *, shared: Setting, rungs: Any, keep: Any) -> Tuning:
    """What the jobs of a sweep ask for; a ConfigError if they are no tuning.

    `shared` is the setting without the axes, `rungs` and `keep` are those of `Tuning`.
    """
    for name, given, words in (("rungs", rungs, _ASCENDING), ("keep", keep, _KEEP)):
        if not isinstance(given, Sequence):
            raise ConfigError(f"hydra.sweeper.{name}={text(given) or 'null'} must be {words}")
    is_whole = [type(n) is int and n > 0 for n in (*rungs, *keep)]
    if not rungs or not all(is_whole[: len(rungs)]) or sorted({*rungs}) != [*rungs]:
        raise ConfigError(f"hydra.sweeper.rungs={text([*rungs])} must be {_ASCENDING}")
    if not all(is_whole) or len(keep) != len(rungs) - 1:
        raise ConfigError(f"hydra.sweeper.keep={text([*keep])} must be {_KEEP}")
    every = [columns(job) for job in jobs]
    cells = [{**_workload(values), "seed": text(values["seed"])} for values in every]
    names = {name for each in cells for name in {*each, *cells[0]} if each.get(name) != cells[0].get(name)}
    if names or len({job.folder for job in jobs}) > 1:
        what = ", ".join(sorted(names)) or "output.name"
        raise ConfigError(f"{what} has several values in a tuning: give each a command and an output.name of its own.")
    seed = int(cells[0].pop("seed"))
    if seed < FIRST_SEED:
        first = f"give {FIRST_SEED} or more, since the seeds below are those that are compared"
        raise ConfigError(f"seed={seed} is the first seed of a tuning: {first}.")
    if jobs[0].folder.name == "adhoc":
        raise ConfigError("hydra/sweeper=halving needs a results folder of its own: give output.name=NAME.")
    rates = tuple(sorted({float(values["optim.lr"]) for values in every}))
    inits = tuple(dict.fromkeys(str(values["init"]) for values in every))
    if shared.lr not in rates or shared.init not in inits:
        axis = f"optim.lr={text(shared.lr)}, init={shared.init}"
        raise ConfigError(f"The shared track's setting, {axis}, is not on the axes of the tuning: add it.")
    return Tuning(seed, tuple(rungs), tuple(keep), rates, inits, shared, cells[0])


def _workload(values: dict[str, Any]) -> dict[str, str]:
    """The columns in which the runs of a tuning are alike."""
    alike = {k: text(v) for k, v in values.items() if tuning.is_shared(k)}
    return {"protocol": str(PROTOCOL)} | {k: v for k, v in alike.items() if v}


class Search:
    """The tuning of every activation among the jobs of a sweep."""

    def __init__(self, lines: Lines, asked: Tuning) -> None:
        self.tuning, self.folder = asked, lines[0][1].folder
        self._lines = {(tuning.variant(columns(job)), str(job.choices["init"])): (line, job) for line, job in lines}
        self._packs: dict[tuple, tuple[list[str], Job, str]] = {}
        tuning.write(asked, self.folder)

    def courses(self) -> dict[tuple[str, str], Course]:
        """How far each activation has come, from the runs in the folder."""
        try:
            measured = halving.scores(store.read(self.folder)[0].runs, self.tuning)
        except FileNotFoundError:  # nothing is measured yet
            measured = {}
        names = dict.fromkeys(variant for variant, _ in self._lines)
        return {name: halving.course(measured.get(name, {}), self.tuning) for name in names}

    def pack(self, variant: tuple[str, str], setting: Setting, rung: int) -> tuple[list[str], Job, str]:
        """The run of a setting that adds a rung's seeds: its overrides, its job, its run_id."""
        key = (variant, setting, rung)
        if key not in self._packs:
            seed, num_seeds = self.tuning.pack(rung)
            values = {"optim.lr": setting.lr, "seed": seed, "num_seeds": num_seeds}
            line, job = compose.changed(*self._lines[variant, setting.init], values)
            self._packs[key] = line, job, run_id(job)
        return self._packs[key]


def sentence(courses: Sequence[Course]) -> str:
    """How many settings are left, and the most runs to come."""
    going = [course for course in courses if course.waiting]
    if not going:
        return f"Tuning: settings are chosen for {_counted(len(courses))}."
    left, most = sum(course.num_left for course in going), sum(course.most for course in going)
    return f"Tuning: {left} settings of {_counted(len(going))} are left; at most {most} runs to come."


def _counted(number: int) -> str:
    return f"{number} activation{'s' if number > 1 else ''}"
