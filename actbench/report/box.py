"""The box of a page: network, data, training, seeds, whether it has converged, what these seeds could have shown."""

import numpy as np
import pandas as pd

from actbench.command import options
from actbench.compare.comparison import Comparison
from actbench.compare.convergence import is_converged
from actbench.compare.workloads import Workload
from actbench.report import atoms as of_ledger
from actbench.report import numbers, settings
from actbench.report.numbers import enumeration, percent, rounded

_DEFAULTS = ("", "none", "false", "0", "constant")  # a setting that is not there


def rows(
    works: list[Workload], comparisons: list[Comparison | None], *, doubled: pd.DataFrame, atoms: pd.DataFrame
) -> list[list[str]]:
    """Rows of name and value under an empty heading."""
    runs = pd.concat([work.tables.runs for work in works])
    is_trained = runs["train_seconds"].notna().any()
    names = ["norm", "init", *(["augment"] if is_trained else [])]
    network = [*_group(works, "model"), *(f"{name} {value}" for name in names if (value := _values(works, name)))]
    box = [
        ["network", ", ".join(network)],
        ["data", _data(works)],
        ["training", _training(works) if is_trained else "none: measured at initialisation"],
        ["seeds", settings.seeds(runs)],
        ["converged", _converged(doubled)],
        ["could show", _could_show(works, comparisons, atoms)],
        ["runs", "" if (runs["status"] == "done").all() else settings.counts(runs)],
    ]
    return [["", ""], *([name, value] for name, value in box if value)]


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
    name = _values(works, "data")
    file = options.file_of("data", name)
    return f"{name}: {options.describe(file)}" if file is not None else name


def _training(works: list[Workload]) -> str:
    """`25 epochs in batches of 64, adam, learning rate 0.003, linear schedule`."""
    values = {key: _values(works, key) for key in ("train.epochs", "train.batch_size", "optim", "optim.lr", "schedule")}
    tuned = any(work.config.get("track") == "tuned" for work in works)
    lr = f"learning rate {values['optim.lr']}{' or tuned for each' if tuned else ''}" if values["optim.lr"] else ""
    parts = [
        f"{values['train.epochs']} epochs in batches of {values['train.batch_size']}",
        values["optim"],
        lr,
        f"{values['schedule']} schedule" if values["schedule"] else "",
    ]
    return ", ".join(part for part in parts if part)


def _converged(doubled: pd.DataFrame) -> str:
    """Whether twice the training changes the error, and by how much; "" where that was not asked."""
    if not len(doubled):
        return ""
    changes = doubled["change"]
    least, most = percent(changes.min()), percent(changes.max())
    return f"{'yes' if is_converged(doubled) else 'no'}: twice the training changes the error by {least} to {most}"


def _could_show(works: list[Workload], comparisons: list[Comparison | None], atoms: pd.DataFrame) -> str:
    """The smallest difference that these seeds tell from none: half an interval, the median over what is compared."""
    found = []
    for name, one in zip(settings.named(works), comparisons, strict=True):
        half = ((one.verdicts["high"] - one.verdicts["low"]) / 2).median() if one is not None else np.nan
        if np.isfinite(half):
            found.append((half, f"{percent(half)}{f' ({name})' if name else ''}"))
    if found and one_value(comparisons):
        reference, words = one_value(comparisons)
        halves = enumeration(text for _, text in found) if len(found) <= 2 else _span([half for half, _ in found])
        return f"a change of {reference}'s {words} by {halves}, for the median activation"
    tested = of_ledger.measured(atoms).query("n > 0")
    half_intervals = (tested["high"].astype(float) - tested["low"].astype(float)) / 2
    finite = half_intervals[np.isfinite(half_intervals)]
    return f"a difference of {rounded(finite.iloc[0], 2)} in the first statement" if len(finite) else ""


def one_value(comparisons: list[Comparison | None]) -> tuple[str, str]:
    """The reference and what is judged, in words."""
    first = next(one for one in comparisons if one is not None)
    return first.reference, numbers.metric(first.value)[0]


def _span(halves: list[float]) -> str:
    return f"{percent(min(halves))} to {percent(max(halves))}"
