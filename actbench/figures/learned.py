"""The parameters that activations learn, by layer: tables of layers, one for each setting -> Figure."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actbench.compare.intervals import summarise
from actbench.compare.layers import ends
from actbench.figures import drawing, layout, style
from actbench.tables.schema import label

_ENTRIES = 12  # the most entries of a learned vector that get a panel each


def learned(layers: dict[str, pd.DataFrame], labels: dict[str, str]) -> Figure:
    """What each parameter of an activation has become by layer: a panel for each, a line for each setting.

    Where it began is dashed.
    """
    tables = []
    for place, table in layers.items():
        rows = ends(table)
        at_time = [_parameters(each, list(labels)).assign(when=when) for when, each in rows.groupby("when")]
        tables.append(pd.concat(at_time).assign(setting=place))
    every = pd.concat(tables)
    means = summarise(every, by=["title", "setting", "when", "layer_index"], value="value", resamples=drawing.BAND)
    titles = [str(title) for title in every.sort_values(["place", "name"], kind="stable")["title"].unique()]
    figure, panels = layout.multiples(
        {title: title for title in titles}, x=label("layer_index"), y="learned value", shared=False
    )
    inks = mpl.colormaps["viridis"](np.linspace(0, 0.75, len(layers))) if len(layers) > 1 else [style.INK]
    shades = dict(zip(layers, inks, strict=True))
    for (name, setting, when), curve in means.groupby(["title", "setting", "when"], sort=False):
        line = {"color": shades[str(setting)], "linestyle": "--" if when == "at initialisation" else "-"}
        x, panel = curve["layer_index"], panels[str(name)]
        panel.vlines(x, curve["low"], curve["high"], color=line["color"], linewidth=2, alpha=0.35)
        panel.plot(x, curve["mean"], linewidth=1.1, marker="o", markersize=2, **line)
    for panel in panels.values():
        panel.yaxis.set_major_locator(MaxNLocator(3))
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    named = {setting: {"color": shade} for setting, shade in shades.items() if setting}
    layout.key(figure, named | {"at initialisation": {"linestyle": "--"}, "at the end": {}})
    return figure


def _parameters(layers: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Learned parameters in long form, `title, layer_index, step, value`, in the order of the variants."""
    names = [name for name in layers.columns if name.startswith("act.") and layers[name].notna().any()]
    long = layers.melt(["variant", "seed", "layer_index", "step"], names, "name", "value").dropna(subset="value")
    long = _without_long_vectors(long.assign(name=long["name"].str.removeprefix("act.")))
    long = long.assign(title=long["variant"] + "  " + long["name"])
    place = long["variant"].map({name: i for i, name in enumerate(order)})
    return long.assign(place=place).dropna(subset="place").sort_values(["place", "name", "step"], kind="stable")


def _without_long_vectors(long: pd.DataFrame) -> pd.DataFrame:
    """Replace a vector of more than `_ENTRIES` entries, such as a slope for each channel, by their mean."""
    base = long["name"].str.partition("[")[0]
    count = long["name"].groupby([long["variant"], base]).transform("nunique")
    title = base + " (mean of " + count.astype(str) + ")"
    long = long.assign(name=long["name"].where(count <= _ENTRIES, title))
    return long.groupby([name for name in long.columns if name != "value"], as_index=False, sort=False).mean()
