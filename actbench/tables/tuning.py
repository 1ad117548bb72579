"""What a tuning was asked for: tables/tuning.json in its results folder. What it chose follows from it and the runs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from actbench.tables import atomic
from actbench.tables.text import text

_FILE = Path("tables", "tuning.json")
FIRST_SEED = 1000  # of tunings; what is compared has the seeds below
_DIFFERING = ("seed", "num_seeds", "optim.lr", "looks", "reference")  # verdicts concern no tuning


class Setting(NamedTuple):
    """A learning rate and an option of init: what is chosen for an activation."""

    lr: float
    init: str


@dataclass(frozen=True)
class Tuning:
    """Successive halving of the settings rates × inits, for each activation alone.

    Attributes:
        first_seed: The first of its seeds.
        rungs: Seeds of a setting up to and with each rung, ascending.
        keep: Settings of an activation that go on after each rung but the last.
        rates, inits: The axes.
        shared: The setting of the shared track, which always goes on.
        workload: The columns that all its runs share, as text, `protocol` among them; what is empty is left out.
    """

    first_seed: int
    rungs: tuple[int, ...]
    keep: tuple[int, ...]
    rates: tuple[float, ...]
    inits: tuple[str, ...]
    shared: Setting
    workload: Mapping[str, str]

    def pack(self, rung: int) -> tuple[int, int]:
        """The first seed and the number of seeds that a rung adds."""
        before = self.rungs[rung - 1] if rung else 0
        return self.first_seed + before, self.rungs[rung] - before


def is_shared(column: str) -> bool:
    """Whether all runs of a tuning have the same value in a column of the config."""
    return column not in _DIFFERING and column.split(".")[0] not in ("act", "init")


def write(tuning: Tuning, folder: Path) -> None:
    """Put it into a results folder."""
    atomic.refuse_links(folder, names=atomic.MEASURED)
    atomic.write_text(folder / _FILE, json.dumps(asdict(tuning), indent=2) + "\n")


def is_tuning(folder: Path) -> bool:
    """Whether a results folder holds a tuning."""
    return (folder / _FILE).is_file()


def read(folder: Path) -> Tuning:
    """The tuning of a results folder.

    Raises:
        ValueError: If there is none, or the file holds something else.
    """
    if not is_tuning(folder):
        raise ValueError(f"There is no tuning in {folder}: give the results folder of one, results/digits_mlp_tuning.")
    try:
        values = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        lists: dict[str, Any] = {name: tuple(values.pop(name)) for name in ("rungs", "keep", "rates", "inits")}
        tuning = Tuning(**lists, shared=Setting(*values.pop("shared")), **values)
        if not _is_valid(tuning):
            raise ValueError
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{folder / _FILE} cannot be read: repeat the command of the tuning, which mends it."
        ) from error
    return tuning


def _is_valid(tuning: Tuning) -> bool:
    """Whether a stranger's file has what the code that reads it counts on."""
    numbers, rates = (tuning.first_seed, *tuning.rungs, *tuning.keep), (tuning.shared.lr, *tuning.rates)
    texts = (tuning.shared.init, *tuning.inits, *tuning.workload, *tuning.workload.values())
    return (
        all(type(n) is int and 0 < n < 2**31 for n in numbers)
        and all(type(rate) is float for rate in rates)
        and all(type(text) is str for text in texts)
        and 0 < len(tuning.rungs) == len(tuning.keep) + 1
        and tuning.shared.lr in tuning.rates and tuning.shared.init in tuning.inits
    )  # fmt: skip


def variant(values: Mapping[str, Any]) -> tuple[str, str]:
    """An activation's name and its parameters as JSON, from the columns `act` and `act.…` of a run."""
    parameters = {
        str(name).removeprefix("act."): number(value)
        for name, value in sorted(values.items())
        if str(name).startswith("act.") and text(value)
    }
    return str(values["act"]), json.dumps(parameters)


def number(value: Any) -> float | str:
    """A parameter as a number where it is one: a column of integers with gaps holds floats, a mixed one text."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return text(value)
