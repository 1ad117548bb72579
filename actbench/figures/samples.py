"""The figures of tasks that generate images: tables by setting -> Figure, as in `training`."""

import io
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.ticker import MaxNLocator

from actbench.figures import axes, layout, series, style
from actbench.tables.schema import label


def sheets(runs: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """Generated images of the first seed that has a picture, in a panel for each variant and setting."""
    table = pd.concat([each.assign(sheet=_title(each["variant"], setting)) for setting, each in runs.items()])
    titles = {_title(name, setting): _title(text, setting) for setting in runs for name, text in labels.items()}
    figure, panels = layout.multiples(titles, x="", y="", shared=False, aspect=0.5)  # four rows of eight
    first = table[table["picture"].notna()].sort_values("seed").drop_duplicates("sheet").set_index("sheet")["picture"]
    for name, panel in panels.items():
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        if name in first:
            _show(panel, first[name])
    return figure


def _title(name: Any, setting: str) -> Any:
    """A name, or a column of names, with the setting behind it where there are several."""
    return name + f"  {setting}" if setting else name


def _show(panel: Axes, picture: bytes) -> None:
    try:
        pixels = imread(io.BytesIO(picture), format="png")
    except (OSError, SyntaxError, ValueError, TypeError):  # what Pillow raises for bytes that are not a PNG file
        panel.text(0.5, 0.5, "no PNG file", transform=panel.transAxes, ha="center", fontsize=6.5)
        return
    panel.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def sparsity_over_time(epochs: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure | None:
    """Hoyer sparsity of ∂D/∂x and of the generator's gradient by epoch."""
    rows = [(setting, table.assign(network="", when="", x=table["epoch"])) for setting, table in epochs.items()]
    measured = _measured(pd.concat(epochs.values()))
    curves = [
        series.means(table, labels, value=name).assign(measure=name, setting=setting)
        for name in measured
        for setting, table in rows
    ]
    scales = {name: series.share(name) for name in measured}
    return series.draw(pd.concat(curves), labels, scales, x=label("epoch"), ticks=series.epoch_axis)


def sparsity_and_quality(runs: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """Fréchet distance against gradient sparsity at the end: small points are seeds, large ones their means."""
    table = pd.concat(runs.values())
    finite = table[table["variant"].isin(labels) & np.isfinite(table["test_fld"])]
    columns = _measured(table)
    figure = layout.page(3)
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    ends = finite.groupby("variant")["test_fld"].mean().to_dict()
    shades = style.shades(labels)
    for panel, column in zip(panels, columns, strict=True):
        for name, rows in finite.groupby("variant"):
            panel.scatter(rows[column], rows["test_fld"], s=6, color=shades[name], alpha=0.4, linewidths=0)
            panel.plot([rows[column].mean()], [ends[name]], "o", color=shades[name], markersize=5)
        panel.set_xlabel(label(column))
        panel.xaxis.set_major_locator(MaxNLocator(5))
    panels[0].set_ylabel(label("test_fld"))
    panels[0].yaxis.set_major_locator(MaxNLocator(5))
    if finite["test_fld"].max() > 3 * finite["test_fld"].min():
        axes.log_y(panels[0], [finite["test_fld"]])
    layout.beside(panels[-1], ends, labels, shades)
    return figure


def _measured(table: pd.DataFrame) -> list[str]:
    """The sparsities that were measured."""
    return [name for name in ("input_grad_hoyer", "generator_grad_hoyer") if np.isfinite(table[name]).any()]
