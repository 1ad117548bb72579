"""The layout of a page: small multiples, rows with a label each, names beside points, a key."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.figures.style import INK, WIDTH, colour, safe, weight

BESIDE = 22  # the most characters of a name beside its line
_KEY_WIDTH = 150  # characters in a line of a key


def page(height: float) -> Figure:
    """An empty figure as wide as a page and `height` inches high; matplotlib lays out what is put on it."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def grid(
    count: int, *, columns: int, height: float, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Panels in rows of `columns`, each row `height` inches high; the last row may be short."""
    num_rows = -(-count // columns)
    figure = page(0.6 + num_rows * height)
    panels = figure.subplots(num_rows, columns, sharex=sharex, sharey=sharey, squeeze=False).flatten()
    for panel in panels[count:]:
        panel.remove()
    for panel in panels[max(count - columns, 0) : count]:  # the lowest of each column
        panel.tick_params(labelbottom=True)
    return figure, list(panels[:count])


def multiples(
    labels: dict[str, str], *, x: str, y: str, shared: bool = True, aspect: float | None = None
) -> tuple[Figure, dict[str, Axes]]:
    """Small multiples: a panel for each variant, titled with its label in its colour, with the same y axis if `shared`.

    Panels are `aspect` times as high as wide; without `aspect` their height depends on how many must fit on a page.
    """
    count = len(labels)
    num_columns = next(
        c for most, c in ((1, 1), (2, 2), (3, 3), (4, 2), (9, 3), (16, 4), (30, 5), (np.inf, 6)) if count <= most
    )
    height = next(h for most, h in ((1, 3.1), (4, 2.2), (9, 1.8), (16, 1.5), (np.inf, 1.3)) if count <= most)
    width = WIDTH / num_columns - 0.25  # about that of a panel
    height = height if aspect is None else aspect * width + 0.3
    figure, panels = grid(count, columns=num_columns, height=height, sharex=True, sharey=shared)
    for panel, (variant, label) in zip(panels, labels.items(), strict=True):
        title, size = _fit_title(label, inches=width)
        shade = colour(variant.partition("  ")[0])  # a learned parameter stands behind two spaces
        panel.set_title(title, loc="left", color=shade, fontsize=size, pad=2.5, fontweight="bold")
    figure.supxlabel(x)
    figure.supylabel(y)
    return figure, dict(zip(labels, panels, strict=True))


def key(figure: Figure, entries: dict[str, dict]) -> None:
    """Explain line styles and marks above the panels, row by row, in ink where they mean the same in every colour."""
    columns = max(int(_KEY_WIDTH / (max(map(len, entries), default=1) + 5)), 1)
    columns = min(columns, max(len(entries), 1))
    names = [name for column in range(columns) for name in list(entries)[column::columns]]  # a legend goes by columns
    handles = [mpl.lines.Line2D([], [], **{"color": INK, "linewidth": 1.2} | entries[name]) for name in names]
    figure.legend(handles, names, loc="outside upper left", ncols=columns, columnspacing=1.2, handletextpad=0.5)


def rows(
    labels: dict[str, str], *, panels: int, length: int = 34, emphasis: Callable[[str], str] = weight
) -> tuple[Figure, list[Axes]]:
    """One row for each variant across panels side by side, its label, of at most `length` characters, at the left."""
    figure = page(0.55 + max(0.19 * len(labels), 0.45))
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    name_rows(axes, labels, length=length, emphasis=emphasis)
    return figure, axes


def plain(name: str) -> str:
    """The weight of a name that is not a variant's."""
    return "normal"


def name_rows(
    panels: Sequence[Axes], labels: dict[str, str], *, length: int = 34, emphasis: Callable[[str], str] = weight
) -> None:
    """Write the label of each variant at its row, left of the first panel, bold where the name has to stand out.

    Only that panel has ticks: 42 in each panel take a third of the time of a figure.
    """
    first, *others = panels
    first.set_yticks(range(len(labels)), [safe(label, length=length) for label in labels.values()], fontsize=7)
    for tick, name in zip(first.get_yticklabels(), labels, strict=True):
        tick.set_fontweight(emphasis(name))
    for panel in panels:
        panel.set_ylim(len(labels) - 0.4, -0.6)
    for panel in others:
        panel.set_yticks([])
        line: dict[str, Any] = {"color": mpl.rcParams["grid.color"], "linewidth": mpl.rcParams["grid.linewidth"]}
        panel.hlines(range(len(labels)), 0, 1, transform=panel.get_yaxis_transform(), zorder=0.5, **line)


def entitle(panel: Axes, title: str, *, inches: float) -> None:
    """Write what a panel is of (`norm=batch, init=torch`) above it, in as many lines as it needs."""
    size = 7 if inches > 1.2 else 6
    lines = textwrap.wrap(safe(title, length=120), max(int(inches * 72 / (0.57 * size)), 8), break_long_words=False)
    panel.set_title("\n".join(lines), loc="left", fontsize=size, pad=2.5)


def size(panel: Axes) -> tuple[float, float]:
    """Width and height of a panel in inches, once matplotlib has made room for all that its figure holds now."""
    figure = panel.get_figure(root=True)
    assert figure is not None
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    return panel.bbox.width / figure.dpi, panel.bbox.height / figure.dpi


def beside(panel: Axes, ends: dict[str, float], labels: dict[str, str], shades: dict[str, Any]) -> None:
    """Write names at the right of a panel at the heights `ends` (in data units), moved apart where they overlap."""
    names = sorted((name for name in ends if np.isfinite(ends[name])), key=ends.__getitem__)
    if not names:
        return
    height = 72 * size(panel)[1]
    pixels = panel.transData.transform([(1, ends[name]) for name in names])
    places = np.clip(panel.transAxes.inverted().transform(pixels)[:, 1], 0, 1) * height
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + 9)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], height if i == len(places) - 1 else places[i + 1] - 9)
    for name, place in zip(names, places, strict=True):
        text = safe(labels[name], length=BESIDE)
        options: dict[str, Any] = {"transform": panel.transAxes, "va": "center", "fontsize": 6.5, "fontweight": "bold"}
        panel.text(1.03, place / height, text, color=shades[name], **options)


def _fit_title(label: str, *, inches: float) -> tuple[str, float]:
    """A title, cut if need be, and the font size at which its bold letters fit into the given width."""
    size = float(np.clip(inches * 72 / (0.7 * max(len(label), 1)), 5.2, 8))
    return safe(label, length=int(inches * 72 / (0.68 * size))), size
