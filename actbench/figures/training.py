"""The figures about training: frame -> Figure, one function each.

Every frame has the column `variant`. `labels` maps the variants, in their order in the figure (best first), to the text
beside them: the name, followed by `✕ 2/10` where 2 of 10 seeds diverged.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.intervals import summarise
from actbench.compare.layers import ends, last_network
from actbench.compare.ranking import RANKED_BY
from actbench.figures import axes, drawing, layout, style
from actbench.figures.layers import by_layer
from actbench.tables.schema import label

_MARKERS: dict[str, dict] = {
    "-": {"marker": "o", "markersize": 2},
    "--": {"marker": "o", "markersize": 3, "mfc": "white"},
}


def labels(runs: pd.DataFrame, order: Iterable[str]) -> dict[str, str]:
    """The text beside each variant of `order`: its name and how many of its seeds diverged.

    If all variants are one activation with different parameters, the name is the parameters alone.
    """
    order = list(order)
    diverged = runs["status"].eq("diverged").groupby(runs["variant"]).agg(["sum", "size"])
    is_one = len({name.partition(" ")[0] for name in order}) == 1 < len(order) and all("=" in name for name in order)
    names = {name: name.partition(" ")[2] if is_one else name for name in order}
    return {v: f"{names[v]} ✕ {n}/{of}" if n else names[v] for v in order for n, of in [diverged.loc[v]]}


def ranking(runs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """The result of every variant on test data: seeds as points behind the mean and its interval.

    If a measure has a floor, in the column `<measure>_floor`, a dotted line shows its mean.
    """
    measures = ("test_loss", "test_accuracy", "test_fld", "test_ndb")
    columns = [name for name in measures if np.isfinite(runs[name]).any()]
    figure = drawing.dots(runs, labels, columns)
    for panel, column in zip(figure.axes, columns, strict=True):
        floor = runs.get(f"{column}_floor", pd.Series(dtype=float)).mean()
        if np.isfinite(floor):
            panel.axvline(floor, color=style.INK, linewidth=0.8, linestyle=":", zorder=1)
    return figure


def time(runs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Training samples per second and training seconds of every variant, fastest first."""
    columns = [name for name in ("samples_per_second", "train_seconds") if np.isfinite(runs[name]).any()]
    speed = runs.groupby("variant")[columns[0]].mean().sort_values(ascending=columns[0] == "train_seconds")
    return drawing.dots(runs, {name: labels[name] for name in speed.index if name in labels}, columns)


def learning_curves(epochs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Validation loss by epoch: a panel for each variant, with the training loss dotted and the others in grey.

    For a task without a loss on validation data, the measure that ranks its runs.
    """
    column = next(name for name in RANKED_BY if name in epochs and np.isfinite(epochs[name]).any())
    curves = summarise(epochs, by=["variant", "epoch"], value=column, resamples=drawing.BAND)
    training = epochs.groupby(["variant", "epoch"], sort=False)["train_loss"].mean().reset_index(name="mean")
    figure, panels = layout.multiples(labels, x=label("epoch"), y=label(column))
    validation = {str(name): frame.sort_values("epoch") for name, frame in curves.groupby("variant")}
    others = drawing.grey(validation, x="epoch")
    for name, panel in panels.items():
        panel.add_collection(others())
        drawing.line(panel, training[training["variant"] == name], x="epoch", variant=name, linestyle=":")
        if name in validation:
            drawing.line(panel, validation[name], x="epoch", variant=name)
    drawing.mark_ends(epochs, panels, validation, column=column)
    panel = next(iter(panels.values()))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    least, most = curves["mean"].min() / 10, curves["mean"].max() * 2  # a training loss beyond these leaves the panel
    axes.log_y(panel, [training["mean"].clip(least, most), *(frame["mean"] for frame in validation.values())])
    dotted = {"training": {"linestyle": ":"}} if training["mean"].notna().any() else {}
    layout.key(figure, {"validation, mean and 95 % interval": {}} | dotted)
    return figure


def saturation(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Saturated share on each side by layer, at initialisation and at the end."""
    return by_layer(layers, labels, dict.fromkeys(("saturation_low", "saturation_high"), drawing.SHARES))


def output(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Mean of the output, and its bias over its standard deviation, by layer, at initialisation and at the end."""
    signed, ratio = SymLogNorm(0.1, vmin=-3, vmax=3), LogNorm(0.05, 20, clip=True)
    return by_layer(layers, labels, {"out_mean": (signed, "vlag"), "out_ratio": (ratio, "mako_r")})


def gradient(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Gradient RMS by layer in a panel for each variant: dashed at initialisation, solid at the end."""
    layers = ends(layers)
    layers = layers.assign(grad_rms=layers["grad_rms"].where(layers["grad_rms"] > 0))
    means = summarise(layers, by=["when", "variant", "layer_index"], value="grad_rms", resamples=drawing.BAND)
    figure, panels = layout.multiples(labels, x=label("layer_index"), y=label("grad_rms"))
    for when, linestyle in (("at initialisation", "--"), ("at the end", "-")):
        at_time = means[means["when"] == when]
        curves = {str(name): frame.sort_values("layer_index") for name, frame in at_time.groupby("variant")}
        others = drawing.grey(curves, x="layer_index")
        for name, panel in panels.items():
            if linestyle == "-":
                panel.add_collection(others())
            if name in curves:
                drawing.line(
                    panel, curves[name], x="layer_index", variant=name, linestyle=linestyle, **_MARKERS[linestyle]
                )
    panel = next(iter(panels.values()))
    axes.layer_axis(panel, int(layers["layer_index"].max()))
    axes.log_y(panel, [means["mean"]])
    drawing.say_zero(panels, means)
    layout.key(figure, {"at initialisation": {"linestyle": "--"}, "at the end": {}})
    return figure


def drift(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Output bias over standard deviation against the step, the first layer dashed and the last one solid."""
    figure, panels, (lowest, highest) = drawing.over_steps(last_network(layers), labels, {"out_ratio": 1})
    panel = next(iter(panels.values()))
    if lowest > 0.005:
        axes.log_y(panel, [pd.Series([lowest, highest])])
        if highest < 5 * lowest:
            panel.set_yscale("linear")
            panel.yaxis.set_major_locator(MaxNLocator(4))
        return figure
    panel.set_yscale("symlog", linthresh=0.1)
    panel.set_ylim(0, min(highest * 1.3, 200) or 1)
    axes.ticks(panel.yaxis, [0, 0.1, 1, 10, 100])
    return figure


def saturation_over_time(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Saturated share against the step, with the high side upwards and the low side downwards."""
    sides = {"saturation_high": 1, "saturation_low": -1}
    figure, panels, (_, highest) = drawing.over_steps(last_network(layers), labels, sides)
    panel = next(iter(panels.values()))
    limit = min(1.04, max(0.1, 1.15 * highest))
    panel.set_ylim(-limit, limit)
    panel.yaxis.set_major_locator(MaxNLocator(5))
    panel.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    for panel in panels.values():
        panel.axhline(0, color="#909090", linewidth=0.6, zorder=1)
    figure.supylabel("saturated share: low side ↓   high side ↑")
    return figure


def learned(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Learned parameters of the activations against the step: a panel for each, a line for each layer."""
    series = drawing.parameters(layers, list(labels))
    titles = {title: title for title in series["title"].unique()}
    means = summarise(series, by=["title", "layer_index", "step"], value="value", resamples=drawing.BAND)
    figure, panels = layout.multiples(titles, x=label("step"), y="learned value", shared=False)
    shades = sns.color_palette("flare", int(means["layer_index"].max()))
    for title, panel in panels.items():
        for layer, shade in enumerate(shades, start=1):
            curve = means[(means["title"] == title) & (means["layer_index"] == layer)]
            drawing.line(panel, curve, x="step", variant=title, color=shade)
        axes.step_axis(panel, int(means["step"].max()))
        panel.yaxis.set_major_locator(MaxNLocator(3))
    named = sorted({1, len(shades)})
    layout.key(figure, {f"layer {i}": {"color": shades[i - 1]} for i in named})
    return figure
