"""The quantities that can answer a question: how to say one over several settings, and the figure that shows it."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.compare.layers import ends, last_network, vanishing
from actbench.compare.ranking import ranked
from actbench.compare.workloads import Workload
from actbench.figures import layers, learned, training
from actbench.report import settings
from actbench.report.numbers import enumeration, fixed, percent, rounded
from actbench.tables.schema import Tables

_NAMED = 6  # the most variants that a sentence names
_LISTED = 8  # the most layers, of all settings together, whose means it lists
_KEY = ["variant", "run_id", "seed"]
Values = Callable[[Tables, str], pd.DataFrame]  # tables, column -> variant, value, a row a seed
Draw = Callable[[list[Workload]], Figure | None]


@dataclass(frozen=True)
class Measure:
    """One quantity.

    Attributes:
        columns: The columns of the tables that it is computed from; one that ends in a dot is any with that beginning.
        says: The beginning of its sentence; numbers follow.
        values: Its numbers, of which a sentence gives the smallest and the largest mean over seeds.
        write: A number as text.
        table: The table that must hold such a column.
        figure: The name of its figure, that of a figure of `sections/training.py` where it is one of these.
        draw: Its figure.
    """

    columns: tuple[str, ...]
    says: str
    values: Values
    write: Callable[[float], str]
    table: str
    figure: str
    draw: Draw


def sentence(measure: Measure, column: str, works: list[Workload]) -> str:
    """`The output mean changes by 0.00 to 0.14 (no norm) with sigmoid and by 0.00 with tanh (means of 10 seeds).`

    Where there are several settings, those with the smallest and the largest mean are named. Empty where more variants
    have it than a sentence can name.
    """
    means = _means(measure, column, works)
    if not 0 < means["variant"].nunique() <= _NAMED:  # of those that have it: few learn a parameter
        return ""
    by_variant = sorted(means.groupby("variant"), key=lambda group: _natural(str(group[0])))
    ranges = [f"{_told(rows, measure.write)} with {name}" for name, rows in by_variant]
    has_lists = len(works) > 1 or any(", " in text for text in ranges)
    return f"{measure.says} {'; '.join(ranges) if has_lists else enumeration(ranges)} (means of {_seeds(works)})."


def title(measure: Measure, column: str, works: list[Workload]) -> str:
    """The sentence, or of more variants the ends: `The test accuracy is 96.1 % with elu to 97.9 % with relu (…).`"""
    means = _means(measure, column, works)
    if (count := means["variant"].nunique()) <= _NAMED:
        return sentence(measure, column, works)
    ends = [f"{_at(row, measure.write)} with {row['variant']}" for row in _ends(means)]
    return f"{measure.says} {' to '.join(ends)}, the ends of {count} variants (means of {_seeds(works)})."


def _seeds(works: list[Workload]) -> str:
    n = max(int(work.tables.runs.groupby("variant")["seed"].nunique().max()) for work in works)
    return f"{n} seed{'s' if n > 1 else ''}"


def _natural(name: str) -> list[tuple[float, str]]:
    """A key that sorts `beta=2` before `beta=10`."""
    parts = re.split(r"(-?\d+\.?\d*(?:e[-+]?\d+)?)", name)
    return [(float(part), "") if i % 2 else (math.inf, part) for i, part in enumerate(parts)]


def _means(measure: Measure, column: str, works: list[Workload]) -> pd.DataFrame:
    """The mean over seeds of each variant in each setting, and of each layer where there are several."""
    frames = [
        _mean(measure.values(work.tables, column)).assign(setting=name)
        for name, work in zip(settings.named(works), works, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _mean(values: pd.DataFrame) -> pd.DataFrame:
    by = [name for name in ("variant", "layer_index") if name in values]
    return values[np.isfinite(values["value"])].groupby(by)["value"].mean().reset_index()


def _told(means: pd.DataFrame, write: Callable[[float], str]) -> str:
    """`0.36, 0.34 and 0.29 (cnn), −0.13, 0.09 and 0.19 (mlp)` of few layers, else the smallest and the largest mean."""
    if "layer_index" not in means or len(means) > _LISTED:
        return _range(means, write)
    layers = means.sort_values("layer_index", kind="stable").groupby("setting", sort=False)["value"]
    lists = {str(setting): enumeration(map(write, values)) for setting, values in layers}
    return ", ".join(f"{values}{f' ({setting})' if setting else ''}" for setting, values in lists.items())


def _range(means: pd.DataFrame, write: Callable[[float], str]) -> str:
    low, high = _ends(means)
    if write(low["value"]) == write(high["value"]):
        return write(low["value"])
    return f"{_at(low, write)} to {_at(high, write)}"


def _ends(means: pd.DataFrame) -> list[pd.Series]:
    """The rows with the smallest and the largest mean."""
    return [means.iloc[end] for end in (means["value"].argmin(), means["value"].argmax())]


def _at(row: pd.Series, write: Callable[[float], str]) -> str:
    """`0.14 (no norm)`"""
    return f"{write(row['value'])}{f' ({row.setting})' if row.setting else ''}"


def of(column: str, works: list[Workload]) -> Measure | None:
    """The measure of a column, if the tables hold it."""
    for measure in MEASURES:
        if any(column == name or (name.endswith(".") and column.startswith(name)) for name in measure.columns):
            return measure if all(len(getattr(work.tables, measure.table)) for work in works) else None
    return None


def _end(tables: Tables) -> pd.DataFrame:
    """The last probe of each run: at the end of training, or where none was trained at initialisation."""
    probed = ends(last_network(tables.layers))
    trained = probed[probed["when"] == "at the end"]
    return trained if len(trained) else probed


def _gain(tables: Tables, column: str) -> pd.DataFrame:
    """The factor by which a layer multiplies the gradient at initialisation."""
    start = ends(last_network(tables.layers)).query("when == 'at initialisation'")
    names = start.drop_duplicates(["run_id", "seed"])[_KEY]
    return vanishing(start).assign(value=lambda frame: np.exp(frame["gain"])).merge(names, on=["run_id", "seed"])


def _change(tables: Tables, column: str) -> pd.DataFrame:
    """A column in the last layer less the one in the first."""
    rows = _end(tables).sort_values("layer_index").groupby(_KEY)[column]
    return (rows.last() - rows.first()).rename("value").reset_index()


def _last(tables: Tables, column: str) -> pd.DataFrame:
    """A column in the last layer."""
    rows = _end(tables).sort_values("layer_index").groupby(_KEY)[column]
    return rows.last().rename("value").reset_index()


def _largest(tables: Tables, column: str) -> pd.DataFrame:
    """The largest share over layers; a saturated one on both sides together."""
    names = ["saturation_low", "saturation_high"] if column == "saturation" else [column]
    rows = _end(tables).assign(value=lambda frame: frame[names].sum(axis=1, min_count=len(names)))
    return rows.groupby(_KEY)["value"].max().reset_index()


def _learned(tables: Tables, column: str) -> pd.DataFrame:
    """A learned parameter in every layer."""
    return _end(tables).assign(value=lambda frame: frame[column.replace("learned.", "act.", 1)])


def _run(tables: Tables, column: str) -> pd.DataFrame:
    """A column of the runs, a seed each."""
    return tables.runs[_KEY].assign(value=tables.runs[column].astype(float))


def _two(value: float) -> str:
    return fixed(value, 2)


def _digits(value: float) -> str:
    return rounded(value, 2)


def _percent(value: float) -> str:
    return percent(value, 1)


def _of_layers(draw: Callable[[dict[str, pd.DataFrame], dict[str, str]], Figure | None]) -> Draw:
    """A figure of layers, a panel for each setting."""
    return lambda works: draw(_layers(works), _labels(works))


def _layers(works: list[Workload]) -> dict[str, pd.DataFrame]:
    return {name: work.tables.layers for name, work in zip(settings.named(works), works, strict=True)}


def _labels(works: list[Workload]) -> dict[str, str]:
    order = dict.fromkeys(name for work in works for name in ranked(work.tables.runs))
    return training.labels(pd.concat([work.tables.runs for work in works]), order)


def _dots(column: str) -> Draw:
    """A figure of runs, a row for each variant in each setting."""

    def draw(works: list[Workload]) -> Figure:
        tables, order = settings.together(works)
        return training.measured(tables.runs, training.labels(tables.runs, order), column)

    return draw


MEASURES = (
    Measure(("gain", "grad_rms"), "Before training each layer multiplies the gradient on its way to the input by",
            _gain, _two, "layers", "gradient", _of_layers(layers.gradient)),
    Measure(("out_mean",), "From the first to the last layer the output mean changes by", _change, _two, "layers",
            "output", _of_layers(layers.output)),
    Measure(("out_ratio",), "From the first to the last layer the mean output over its spread changes by", _change,
            _two, "layers", "output", _of_layers(layers.output)),
    Measure(("w2_normal",), "In the last layer the distance to N(0, 1) is", _last, _digits, "layers",
            "normality", _of_layers(layers.normality)),
    Measure(("saturation", "saturation_low", "saturation_high"), "Of the most saturated layer, the share in the flat "
            "tails is", _largest, _percent, "layers", "saturation", _of_layers(layers.saturation)),
    Measure(("dead",), "In the layer with the most dead units, their share is", _largest, _percent, "layers",
            "dead", _of_layers(layers.dead)),
    Measure(("learned.",), "From the first to the last layer the learned parameter is", _learned, _two, "layers",
            "learned", _of_layers(learned.learned)),
    Measure(("test_midpoint_gap",), "Halfway between two inputs the output differs from the mean of their outputs, in "
            "standard deviations, by", _run, _digits, "runs", "midpoint_gap", _dots("test_midpoint_gap")),
    Measure(("test_accuracy",), "The test accuracy is", _run, _percent, "runs", "accuracy", _dots("test_accuracy")),
    Measure(("epochs_to_target",), "The target loss is reached after, in epochs,", _run, _digits, "runs",
            "epochs_to_target", _dots("epochs_to_target")),
    Measure(("train_seconds",), "Training takes, in seconds,", _run, _digits, "runs", "seconds",
            _dots("train_seconds")),
    Measure(("test_fld",), "The Fréchet distance of generated images is", _run, _two, "runs", "distance",
            _dots("test_fld")),
    Measure(("val_accuracy",), "The validation accuracy is", _run, _percent, "runs", "val_accuracy",
            _dots("val_accuracy")),
)  # fmt: skip
