"""The quantities that can answer a question: what one is called, its number of each seed, the figure that shows it."""

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
from actbench.report.numbers import fixed, percent, rounded
from actbench.tables.schema import Tables

_KEY = ["variant", "run_id", "seed"]
Values = Callable[[Tables, str], pd.DataFrame]  # tables, column -> variant, value, a row a seed
Draw = Callable[[list[Workload]], Figure | None]


@dataclass(frozen=True)
class Measure:
    """One quantity.

    Attributes:
        columns: The columns of the tables that it is computed from; one that ends in a dot is any with that beginning.
        words: Its name in a sentence, behind `the`.
        values: Its numbers, of which a sentence gives the smallest and the largest mean over seeds.
        write: A number as text.
        table: The table that must hold such a column.
        figure: The name of its figure, that of a figure of `sections/training.py` where it is one of these.
        draw: Its figure.
    """

    columns: tuple[str, ...]
    words: str
    values: Values
    write: Callable[[float], str]
    table: str
    figure: str
    draw: Draw

    def named(self, column: str) -> str:
        """Its name in a sentence, of a learned parameter with that of the parameter: `learned beta by layer`."""
        return self.words.format(parameter=column.partition(".")[2])


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


def _over_layers(tables: Tables, column: str) -> pd.DataFrame:
    """The mean of a column over layers."""
    return _end(tables).groupby(_KEY)[column].mean().rename("value").reset_index()


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


def _epochs(value: float) -> str:
    return f"{rounded(value, 2)} epoch{'' if value == 1 else 's'}"


def _seconds(value: float) -> str:
    return f"{rounded(value, 2)} s"


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
    Measure(("gain", "grad_rms"), "factor by which each layer multiplies the gradient before training", _gain, _two,
            "layers", "gradient", _of_layers(layers.gradient)),
    Measure(("out_mean",), "change of the output mean from the first to the last layer", _change, _two, "layers",
            "output", _of_layers(layers.output)),
    Measure(("out_ratio",), "change of the constant part of the output against its spread, from the first to the last "
            "layer,", _change, _two, "layers", "output", _of_layers(layers.output)),
    Measure(("w2_normal",), "distance of the last layer to N(0, 1)", _last, _digits, "layers",
            "normality", _of_layers(layers.normality)),
    Measure(("saturation",), "share in the flat tails of the most saturated layer", _largest, _percent, "layers",
            "saturation", _of_layers(layers.saturation)),
    Measure(("saturation_low",), "share of all pre-activations in the lower flat tail", _over_layers, _percent,
            "layers", "saturation", _of_layers(layers.saturation)),
    Measure(("saturation_high",), "share of all pre-activations in the upper flat tail", _over_layers, _percent,
            "layers", "saturation", _of_layers(layers.saturation)),
    Measure(("dead",), "share of dead units in the layer with the most", _largest, _percent, "layers",
            "dead", _of_layers(layers.dead)),
    Measure(("learned.",), "learned {parameter} by layer", _learned, _two, "layers",
            "learned", _of_layers(learned.learned)),
    Measure(("test_midpoint_gap",), "distance of the output halfway between two inputs from the mean of their outputs, "
            "in standard deviations,", _run, _digits, "runs", "midpoint_gap", _dots("test_midpoint_gap")),
    Measure(("test_error",), "test error", _run, _percent, "runs", "error", _dots("test_error")),
    Measure(("val_error",), "validation error", _run, _percent, "runs", "val_error", _dots("val_error")),
    Measure(("test_accuracy",), "test accuracy", _run, _percent, "runs", "accuracy", _dots("test_accuracy")),
    Measure(("epochs_to_target",), "time to the target loss", _run, _epochs, "runs", "epochs_to_target",
            _dots("epochs_to_target")),
    Measure(("train_seconds",), "training time", _run, _seconds, "runs", "seconds", _dots("train_seconds")),
    Measure(("test_fld",), "Fréchet distance of generated images", _run, _two, "runs", "distance",
            _dots("test_fld")),
    Measure(("val_accuracy",), "validation accuracy", _run, _percent, "runs", "val_accuracy",
            _dots("val_accuracy")),
)  # fmt: skip
