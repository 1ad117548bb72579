"""The layout of a page: small multiples, rows with a label each, names beside lines."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actbench.figures.style import INK, WIDTH, colour, safe

BESIDE = 22  # the most characters of a name beside its line


def multiples(
    labels: dict[str, str], *, x: str, y: str, shared: bool = True, aspect: float | None = None
) -> tuple[Figure, dict[str, Axes]]:
    """Small multiples: a panel for each variant, titled with its label in its colour, on the same axes if `shared`.

    Panels are `aspect` times as high as wide; without `aspect` their height depends on how many must fit on a page.
    """
    count = len(labels)
    num_columns = next(
        c for most, c in ((1, 1), (2, 2), (3, 3), (4, 2), (9, 3), (16, 4), (30, 5), (np.inf, 6)) if count <= most
    )
    panel_height = next(h for most, h in ((1, 2.9), (4, 2.0), (9, 1.6), (16, 1.3), (np.inf, 1.08)) if count <= most)
    num_rows = -(-count // num_columns)
    left, right, bottom, top, column_gap, row_gap = 0.62, 0.1, 0.48, 0.45, 0.14 if shared else 0.36, 0.24
    width = (WIDTH - left - right - (num_columns - 1) * column_gap) / num_columns
    panel_height = panel_height if aspect is None else aspect * width
    height = bottom + top + num_rows * panel_height + (num_rows - 1) * row_gap
    figure = Figure(figsize=(WIDTH, height))
    axes: dict[str, Axes] = {}
    for place, (variant, label) in enumerate(labels.items()):
        row, column = divmod(place, num_columns)
        x0, y0 = left + column * (width + column_gap), height - top - row * (panel_height + row_gap) - panel_height
        first = next(iter(axes.values()), None) if shared else None
        box = (x0 / WIDTH, y0 / height, width / WIDTH, panel_height / height)
        axes[variant] = panel = figure.add_axes(box, sharex=first, sharey=first)
        title, size = _fit_title(label, inches=width)
        shade = colour(variant.partition("  ")[0])  # a learned parameter stands behind two spaces
        panel.set_title(title, loc="left", color=shade, fontsize=size, pad=2.5, fontweight="bold")
        panel.tick_params(labelleft=column == 0, labelbottom=place + num_columns >= count)
    figure.text((left + WIDTH - right) / 2 / WIDTH, 0.1 / height, x, ha="center", va="bottom")
    figure.text(0.1 / WIDTH, (bottom + height - top) / 2 / height, y, ha="left", va="center", rotation=90)
    return figure, axes


def key(figure: Figure, entries: dict[str, dict]) -> None:
    """Explain the line styles in one line above the panels, in ink, since they mean the same in every colour."""
    handles = [mpl.lines.Line2D([], [], **{"color": INK, "linewidth": 1.2} | style) for style in entries.values()]
    figure.legend(
        handles, list(entries), loc="upper right", ncols=len(handles), frameon=False, fontsize=6.5, borderaxespad=0.2
    )


def rows(labels: dict[str, str], *, panels: int) -> tuple[Figure, list[Axes]]:
    """One row for each variant, with its label at the left, across panels that stand side by side."""
    left = label_width(labels)
    bottom, top, gap = 0.45, 0.1, 0.25
    height = bottom + top + max(0.21 * len(labels), 0.45)
    figure = Figure(figsize=(WIDTH, height))
    width = (WIDTH - left - 0.15 - (panels - 1) * gap) / panels
    axes: list[Axes] = []
    for panel in range(panels):
        box = ((left + panel * (width + gap)) / WIDTH, bottom / height, width / WIDTH, 1 - (bottom + top) / height)
        axes.append(figure.add_axes(box, sharey=axes[0] if axes else None))
        axes[-1].tick_params(axis="y", length=0, labelleft=panel == 0)
    axes[0].set_yticks(range(len(labels)), [safe(label) for label in labels.values()], fontsize=7)
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    for tick, variant in zip(axes[0].get_yticklabels(), labels, strict=True):
        tick.set_color(colour(variant))
    return figure, axes


def label_width(labels: dict[str, str]) -> float:
    """The inches that the longest label takes at the left of rows."""
    return 0.2 + 0.066 * max(len(safe(label)) for label in labels.values())


def beside(panel: Axes, ends: dict[str, float], labels: dict[str, str]) -> None:
    """Write names at the right of their lines' ends (`ends`, in data units), moved apart where they would overlap."""
    names = sorted((name for name in ends if np.isfinite(ends[name])), key=ends.__getitem__)
    if not names:
        return
    height = panel.bbox.height / panel.figure.dpi * 72
    pixels = panel.transData.transform([(1, ends[name]) for name in names])
    places = np.clip(panel.transAxes.inverted().transform(pixels)[:, 1], 0, 1) * height
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + 9)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], height if i == len(places) - 1 else places[i + 1] - 9)
    for name, place in zip(names, places, strict=True):
        text = safe(labels[name], length=BESIDE)
        options: dict[str, Any] = {"transform": panel.transAxes, "va": "center", "fontsize": 6.5, "fontweight": "bold"}
        panel.text(1.03, place / height, text, color=colour(name), **options)


def _fit_title(label: str, *, inches: float) -> tuple[str, float]:
    """A title, cut if need be, and the font size at which its bold letters fit into the given width."""
    size = float(np.clip(inches * 72 / (0.7 * max(len(label), 1)), 5.2, 8))
    return safe(label, length=int(inches * 72 / (0.68 * size))), size
