"""The figures of tasks that generate images: frame -> Figure, one function each; `labels` as in `training`."""

import io

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.ticker import MaxNLocator

from actbench.compare.intervals import summarise
from actbench.figures import axes, drawing, layout, style
from actbench.figures.layers import by_layer
from actbench.tables.schema import label

_SPARSITY = {"input_grad_hoyer": "-", "generator_grad_hoyer": "--"}


def sheets(runs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Generated images of the first seed that has a picture, in a panel for each variant."""
    figure, panels = layout.multiples(labels, x="", y="", shared=False, aspect=0.5)  # four rows of eight
    first = runs[runs["picture"].notna()].sort_values("seed").drop_duplicates("variant").set_index("variant")["picture"]
    for name, panel in panels.items():
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        if name in first:
            _show(panel, first[name])
    return figure


def _show(panel: Axes, picture: bytes) -> None:
    try:
        pixels = imread(io.BytesIO(picture), format="png")
    except (OSError, SyntaxError, ValueError, TypeError):  # what Pillow raises for bytes that are not a PNG file
        panel.text(0.5, 0.5, "no PNG file", transform=panel.transAxes, ha="center", fontsize=6.5)
        return
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def gradient_sparsity(layers: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Share of exact zeros and Hoyer sparsity of the gradient by layer, at initialisation and at the end."""
    return by_layer(layers, labels, dict.fromkeys(("grad_zero", "grad_hoyer"), drawing.SHARES))


def sparsity_over_time(epochs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Hoyer sparsity of ∂D/∂x and of the generator's gradient by epoch, in a panel for each variant."""
    figure, panels = layout.multiples(labels, x=label("epoch"), y="gradient sparsity (Hoyer)")
    for column, linestyle in _SPARSITY.items():
        means = summarise(epochs, by=["variant", "epoch"], value=column, resamples=drawing.BAND)
        curves = {str(name): frame.sort_values("epoch") for name, frame in means.groupby("variant")}
        others = drawing.grey(curves, x="epoch")
        for name in panels.keys() & curves.keys():
            panels[name].add_collection(others())
            drawing.line(panels[name], curves[name], x="epoch", variant=name, linestyle=linestyle)
    panel = next(iter(panels.values()))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    panel.set_ylim(0, 1)
    layout.key(figure, {label(column): {"linestyle": linestyle} for column, linestyle in _SPARSITY.items()})
    return figure


def sparsity_and_quality(runs: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Fréchet distance against gradient sparsity at the end: small points are seeds, large ones their means."""
    figure = layout.page(3)
    panels = figure.subplots(1, 2, sharey=True)
    finite = runs[runs["variant"].isin(labels) & np.isfinite(runs["test_fld"])]
    ends = finite.groupby("variant")["test_fld"].mean().to_dict()
    for panel, column in zip(panels, _SPARSITY, strict=True):
        for name, rows in finite.groupby("variant"):
            panel.scatter(rows[column], rows["test_fld"], s=6, color=style.colour(str(name)), alpha=0.4, linewidths=0)
            panel.plot([rows[column].mean()], [ends[name]], "o", color=style.colour(str(name)), markersize=5)
        panel.set_xlabel(label(column))
        panel.xaxis.set_major_locator(MaxNLocator(5))
    panels[0].set_ylabel(label("test_fld"))
    panel.yaxis.set_major_locator(MaxNLocator(5))
    if finite["test_fld"].max() > 3 * finite["test_fld"].min():
        axes.log_y(panel, [finite["test_fld"]])
    layout.beside(panel, ends, {name: name for name in labels})
    return figure
