"""The figures of a sweep: what each shows, how to read it, and which table and columns it needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench.compare.ranking import ranked
from actbench.figures import layers, learned, samples, training
from actbench.report import sentences
from actbench.report.page import Part
from actbench.report.writer import Save
from actbench.tables.schema import Tables


@dataclass(frozen=True)
class Plot:
    """One figure of a report.

    Attributes:
        title: The heading above it.
        table: The table that it is drawn from.
        needs: Columns of that table. Without a value in any of them the figure is left out.
        draw: The table of each setting and the labels of the variants -> the figure; None where it shows nothing.
        read: How to read it.
        shows: The table -> a sentence that says what the figure shows.
        alone: How to read it with a single variant, if that is another text.
        where: A column of `runs`; without a value in it the figure is left out.
        over_training: Whether the figure is left out where only the initialisation was probed.
    """

    title: str
    table: str
    needs: tuple[str, ...]
    draw: Callable[[dict[str, pd.DataFrame], dict[str, str]], Figure | None]
    read: str
    shows: Callable[[pd.DataFrame], str]
    alone: str = ""
    where: str = "run_id"
    over_training: bool = False

    def applies(self, tables: Tables) -> bool:
        """Whether the tables hold anything to draw. A name in `needs` that ends in a dot is a config group."""
        if not tables.runs[self.where].notna().any():
            return False
        frame = getattr(tables, self.table)
        if self.over_training and not frame["step"].any():
            return False
        names = [c for c in frame if c in self.needs or (c.startswith(self.needs) and self.needs[0].endswith("."))]
        return any(_has_value(frame[name]) for name in names)


def _has_value(values: pd.Series) -> bool:
    """Whether a column holds a finite number or a picture."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    pictures = values.dtype == object and values.map(lambda value: isinstance(value, bytes)).any()
    return bool(pictures or np.isfinite(numbers).any())


def first(settings: dict[str, Tables], *, save: Save) -> list[Part]:
    """What a sweep shows first whose variants are not compared in pairs: what was reached, or what was measured."""
    for plot in (*RANKINGS, *PLOTS):
        if parts := _parts((plot,), settings, save=save):
            return parts
    return []


def parts(settings: dict[str, Tables], *, table: str, save: Save) -> list[Part]:
    """A part for each figure of a table that shows anything, with all settings in it, from titles to tables."""
    return _parts(tuple(plot for plot in PLOTS if plot.table == table), settings, save=save)


def _parts(plots: tuple[Plot, ...], settings: dict[str, Tables], *, save: Save) -> list[Part]:
    settings = {name: tables._replace(runs=_measured(tables.runs)) for name, tables in settings.items()}
    order = dict.fromkeys(name for tables in settings.values() for name in ranked(tables.runs))
    return [part for plot in plots if order for part in _drawn(plot, settings, list(order), save=save)]


def _measured(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[runs["status"] != "failed"]


def _drawn(plot: Plot, settings: dict[str, Tables], order: list[str], *, save: Save) -> list[Part]:
    """The part of one figure, if it shows anything."""
    settings = {name: tables for name, tables in settings.items() if plot.applies(tables)}
    if not settings:
        return []
    frames = {name: getattr(tables, plot.table) for name, tables in settings.items()}
    runs = pd.concat([tables.runs for tables in settings.values()])
    present = set(runs["variant"])
    figure = plot.draw(frames, training.labels(runs, [name for name in order if name in present]))
    if figure is None:
        return []
    read = plot.alone if len(order) == 1 and plot.alone else plot.read
    shows = plot.shows(next(iter(frames.values()))) if len(frames) == 1 else ""
    return [Part(plot.title, read, shows, save(figure, plot.draw.__name__))]


RANKINGS = (
    Plot(
        "Ranking", "runs", ("test_error", "test_loss"), training.ranking,
        "A row is an activation, a grey point a seed, the coloured point the mean and the bar its 95 % interval. "
        "Ordered by mean error, lowest first.",
        lambda runs: "",
        alone="A grey point is a seed, the coloured point their mean and the bar its 95 % interval.",
    ),
    Plot(
        "Ranking", "runs", ("test_fld",), training.ranking,
        "A row is an activation of the discriminator, a grey point a seed, the coloured point the mean and the bar its "
        "95 % interval. FLD is the Fréchet distance between features of generated and real test images; the dotted "
        "line is that of real training images, which no generator can be expected to beat. NDB/K is the share of bins "
        "of the training images that generated ones fill more or less often than these do. Ordered by mean FLD, lowest "
        "first.",
        lambda runs: "",
    ),
)  # fmt: skip

PLOTS = (
    Plot(
        "Samples", "runs", ("picture",), samples.sheets,
        "What the generator makes at the end of the first seed, from the same latent vectors in every panel: the same "
        "place is the same vector.",
        lambda runs: "",
    ),
    Plot(
        "Learning curves", "epochs", ("val_loss",), training.learning_curves,
        "Loss on validation images by epoch: lower is better, and a gap between the training and the validation line "
        "is overfitting.",
        sentences.past_best,
    ),
    Plot(
        "Learning curves", "epochs", ("val_fld",), training.learning_curves,
        "FLD against validation images by epoch: lower is better.",
        lambda epochs: sentences.past_best(epochs, column="val_fld"),
    ),
    Plot(
        "Gradient sparsity by layer", "layers", ("grad_zero", "grad_hoyer"), layers.gradient_sparsity,
        "Of the gradient of the generator's loss at the pre-activations: the share of exact zeros, and Hoyer sparsity, "
        "0 for entries of equal size and 1 for a single one. The generator's layers come first.",
        lambda layers: "", where="test_fld",
    ),
    Plot(
        "Gradient sparsity over training", "epochs", ("input_grad_hoyer",), samples.sparsity_over_time,
        "Hoyer sparsity of what the discriminator tells the generator: of its gradient at each generated image, and of "
        "the gradient at all of the generator's parameters.",
        lambda epochs: "",
    ),
    Plot(
        "Sparsity and quality", "runs", ("input_grad_hoyer",), samples.sparsity_and_quality,
        "FLD against the sparsity of both gradients at the end: small points are seeds, large ones the means of "
        "variants. If sparsity made the quality, the points would lie along one line, whatever the activation.",
        lambda runs: "",
    ),
    Plot(
        "Saturation by layer", "layers", ("saturation_low", "saturation_high"), layers.saturation,
        "The share of pre-activations in the flat tail on the low and on the high side of the function, where its "
        "slope is below a small share of the steepest one (probes.epsilon): almost no gradient passes there. A share "
        "as such is no obstacle to learning: ReLU's low tail holds about half, and is what makes it nonlinear. Near "
        "1, almost nothing can be learned through that layer. A flat part between the tails, as of the shrinking "
        "functions, is not counted here: units that lie in it on every image are dead.",
        sentences.most_saturated,
    ),
    Plot(
        "Output mean and bias by layer", "layers", ("out_mean", "out_ratio"), layers.output,
        "Output mean, and how large the units' own means are against the spread of their outputs: above 1 the next "
        "layer sees more of a constant than of its input.",
        sentences.most_biased,
    ),
    Plot(
        "Gradient by layer", "layers", ("grad_rms",), layers.gradient,
        "RMS of the gradient at the pre-activation, from the input (left) to the output (right), on a logarithmic "
        "axis: a line that rises to the right is a gradient that vanishes on its way to the input.",
        sentences.most_vanishing,
    ),
    Plot(
        "Learned parameters", "layers", ("act.",), learned.learned,
        "What the parameters that an activation learns have become by layer, with the interval over seeds.",
        sentences.farthest_learned,
        over_training=True,
    ),
)  # fmt: skip
