"""The box of a page: network, data, training, seeds, whether it has converged, what these seeds could have shown."""

import numpy as np
import pandas as pd

from actbench.command import options
from actbench.compare.comparison import Comparison
from actbench.compare.convergence import is_converged, is_shown
from actbench.compare.workloads import TRACKS, Workload
from actbench.report import atoms as of_ledger
from actbench.report import convergence, numbers, settings
from actbench.report.answer import is_choice
from actbench.report.numbers import enumeration, percent, rounded
from actbench.tables.schema import label
from actbench.tables.text import text

_DEFAULTS = ("", "none", "false", "0", "constant")  # a setting that is not there


def rows(
    works: list[Workload], comparisons: list[Comparison | None], *, doubled: pd.DataFrame, atoms: pd.DataFrame
) -> list[list[str]]:
    """Rows of name and value under an empty heading."""
    runs = pd.concat([work.tables.runs for work in works])
    is_trained = runs["train_seconds"].notna().any()
    names = ["norm", *(["augment"] if is_trained else [])]
    network = [*_group(works, "model"), *(f"{name} {value}" for name in names if (value := _values(works, name)))]
    box = [
        ["network", ", ".join(network)],
        ["initialisation", _initialisations(runs)],
        ["data", _data(works)],
        ["training", _training(works) if is_trained else "none: measured at initialisation"],
        ["seeds", settings.seeds(runs)],
        ["converged", _converged(doubled)],
        ["could show", _could_show(works, comparisons, atoms)],
        ["runs", "" if (runs["status"] == "done").all() else settings.counts(runs)],
    ]
    return [["", ""], *([name, value] for name, value in box if value)]


def _described(group: str, name: str) -> str:
    """An option with the first line of its file."""
    file = options.file_of(group, name)
    return f"{name}: {options.describe(file)}" if file is not None else name


def _initialisations(runs: pd.DataFrame) -> str:
    """Each initialisation with the first line of its option and its settings; "" where none is named."""
    said = []
    for name, rows in runs.groupby("init") if "init" in runs else ():
        columns = [str(column) for column in rows if str(column).startswith("init.")]
        values = [(column[5:], value) for column in columns for value in dict.fromkeys(map(text, rows[column]))]
        settings = [f"{setting} {value}" for setting, value in values if value]
        said.append(", ".join([_described("init", str(name)).removesuffix("."), *settings]))
    return "; ".join(said)


def _values(works: list[Workload], key: str) -> str:
    """The values of a key over the workloads, `1, 2 and 4`; "" where it is not set."""
    found = list(dict.fromkeys(work.config.get(key, "") for work in works))
    return "" if all(value in _DEFAULTS for value in found) else enumeration(value for value in found if value)


def _group(works: list[Workload], group: str) -> list[str]:
    """The option of a group and its settings, `mlp`, `depth 3`, `width 128`."""
    keys = dict.fromkeys(key for work in works for key in work.config if key.startswith(f"{group}."))
    found = {key.partition(".")[2]: value for key in keys if (value := _values(works, key))}
    return [_values(works, group), *(f"{name} {value}" for name, value in found.items())]


def _data(works: list[Workload]) -> str:
    """The data with the first line of its option."""
    return _described("data", _values(works, "data"))


def _training(works: list[Workload]) -> str:
    """`25 epochs in batches of 64, adam, learning rate 0.003, linear schedule`."""
    values = {key: _values(works, key) for key in ("train.epochs", "train.batch_size", "optim", "optim.lr", "schedule")}
    tuned = any("optim.lr" in TRACKS.get(work.config.get("track", ""), ()) for work in works)
    lr = " or ".join(text for text in (values["optim.lr"], "tuned for each" * tuned) if text)
    parts = [
        f"{values['train.epochs']} epochs in batches of {values['train.batch_size']}",
        values["optim"],
        f"learning rate {lr}" if lr else "",
        f"{values['schedule']} schedule" if values["schedule"] else "",
    ]
    return ", ".join(part for part in parts if part)


def _converged(doubled: pd.DataFrame) -> str:
    """Whether twice the training changes the error, and by how much; "" where that was not asked."""
    if not len(doubled):
        return ""
    changes = doubled["change"]
    least, most = percent(changes.min()), percent(changes.max())
    as_far = "" if is_shown(doubled) else f", as far as {convergence.seeds(doubled)} tell"
    verdict = f"yes{as_far}" if is_converged(doubled) else "no"
    reach = f" (the intervals reach from {percent(doubled['low'].min())} to {percent(doubled['high'].max())})"
    known = reach if doubled["low"].notna().all() else ""
    return f"{verdict}: twice the training changes the error by {least} to {most}{known}"


def _could_show(works: list[Workload], comparisons: list[Comparison | None], atoms: pd.DataFrame) -> str:
    """The smallest difference that these seeds tell from none: half an interval."""
    if any(map(is_choice, comparisons)):
        return _of_comparisons(works, comparisons)
    return _of_first(of_ledger.measured(atoms)) or _of_comparisons(works, comparisons)


def _of_comparisons(works: list[Workload], comparisons: list[Comparison | None]) -> str:
    """Half the median interval of each comparison."""
    named = zip(settings.named(works), comparisons, strict=True)
    kept = [(name, one, float(((one.verdicts["high"] - one.verdicts["low"]) / 2).median()))
            for name, one in named if one is not None]  # fmt: skip
    halves = [f"{percent(half)}{f' ({name})' if name else ''}" for name, _, half in kept if np.isfinite(half)]
    if not halves:
        return ""
    first = kept[0][1]
    shown = enumeration(halves) if len(halves) <= 2 else f"{halves[0]} to {halves[-1]}"
    return f"a change of {first.reference}'s {numbers.metric(first.value)[0]} by {shown}, for the median activation"


def _change(half: float, column: str) -> str:
    return f"a change of the {'error' if column.endswith('accuracy') else label(column)} by {percent(half)}"


def _difference(half: float, column: str) -> str:
    if column.endswith("accuracy"):
        return f"a difference of {rounded(100 * half, 2)} points in {label(column).removesuffix(' (fraction)')}"
    return f"a difference of {rounded(half, 2)} in {label(column)}"


def _of_first(statements: pd.DataFrame) -> str:
    """Half the interval of the first statement that was tested over seeds."""
    tested = statements[(statements["n"] > 0) & (statements["column"] != "epochs_to_target")]  # told in shares of seeds
    for row in tested.to_dict("records"):
        half = (row["high"] - row["low"]) / 2
        if np.isfinite(half) and half > 0:  # that of a share of all seeds has no width
            return (_change if row["is_relative"] else _difference)(half, row["column"])
    return ""
