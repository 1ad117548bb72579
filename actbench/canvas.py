"""What all figures share: one colour per activation, text that is safe to draw, axes, and the two page layouts.

No figure has a legend of activations: 35 names have no 35 colours that an eye could match. Names stand beside what
they name, in their colour. Figures are made without pyplot, so nothing is left open and no window is needed.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

WIDTH = 7.5  # inches: a printed A4 page less its margins
BESIDE = 22  # characters that a name has room for beside its line
GREY = "#c8c8c8"
INK = "#404040"

# Of 1,500 salts tried, the one under which the names of conf/act that are neighbours look least alike.
_SALT = "actbench-1390"
_LIGHTNESS = (0.38, 0.5, 0.6)
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
    "grid.color": "#ebebeb",
    "axes.edgecolor": "#909090",
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
}


def style() -> mpl.RcParams:
    """The rc settings under which every figure is made."""
    return sns.axes_style("whitegrid", rc={}) | STYLE | {"axes.spines.right": False, "axes.spines.top": False}


def colour(variant: str) -> tuple[float, float, float]:
    """The colour of a variant, from its name alone: the same in every figure, whoever else is in it.

    The hue is the activation's; a parameter told in the name (`elu alpha=0.5`) turns it by its logarithm, so that near
    values are near in hue but not in lightness; parameters further back turn it less.
    """
    act, *parameters = variant.split(" ")
    hue, light = _draw(act)
    turn = sum(_turn(told.partition("=")[2]) / place for place, told in enumerate(parameters, start=1))
    hue, light = hue + turn, (light + 7 * turn) % 1
    return sns.husl_palette(1, h=hue % 1.0, s=0.92, l=_LIGHTNESS[int(light * len(_LIGHTNESS))])[0]


def _turn(value: str) -> float:
    """The share of the colour wheel by which a value turns a hue: none for 0, about 0.3 for each decade above 0.01."""
    try:
        turn = 0.3 * float(np.log1p(100 * abs(float(value))) / np.log(10))
    except ValueError:  # a word
        turn = np.inf
    return turn if np.isfinite(turn) else _draw(value)[0]


def safe(text: str, *, length: int = 34) -> str:
    """A name as matplotlib can draw it: no mathematics, no missing glyphs, cut in its middle beyond `length`."""
    glyphs = get_font(findfont(FontProperties(family="DejaVu Sans")))
    drawn = "".join(c if glyphs.get_char_index(ord(c)) else "?" for c in text)
    if len(drawn) > length:
        drawn = drawn[: (length - 1) // 2] + "…" + drawn[-(length // 2) :]  # a parameter's value stands at the end
    return drawn.replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the figure only: no date, no software version."""
    figure.savefig(path, dpi=150, metadata={"Software": None})


def multiples(
    labels: dict[str, str], *, x: str, y: str, shared: bool = True, aspect: float | None = None
) -> tuple[Figure, dict[str, Axes]]:
    """Small multiples: a panel for each variant, titled by its label in its colour, on the same axes if `shared`.

    Panels are `aspect` times as high as wide, or without it as high as a page leaves room for.
    """
    count = len(labels)
    columns = next(
        c for most, c in ((1, 1), (2, 2), (3, 3), (4, 2), (9, 3), (16, 4), (30, 5), (np.inf, 6)) if count <= most
    )
    tall = next(h for most, h in ((1, 2.9), (4, 2.0), (9, 1.6), (16, 1.3), (np.inf, 1.08)) if count <= most)
    lines = -(-count // columns)
    left, right, bottom, top, across, down = 0.62, 0.1, 0.48, 0.45, 0.14 if shared else 0.36, 0.24
    wide = (WIDTH - left - right - (columns - 1) * across) / columns
    tall = tall if aspect is None else aspect * wide
    height = bottom + top + lines * tall + (lines - 1) * down
    figure = Figure(figsize=(WIDTH, height))
    axes: dict[str, Axes] = {}
    for place, (variant, label) in enumerate(labels.items()):
        row, column = divmod(place, columns)
        x0, y0 = left + column * (wide + across), height - top - row * (tall + down) - tall
        same = next(iter(axes.values()), None) if shared else None
        box = (x0 / WIDTH, y0 / height, wide / WIDTH, tall / height)
        axes[variant] = panel = figure.add_axes(box, sharex=same, sharey=same)
        title, size = _fitted(label, inches=wide)
        shade = colour(variant.partition("  ")[0])  # a learned parameter stands behind two spaces
        panel.set_title(title, loc="left", color=shade, fontsize=size, pad=2.5, fontweight="bold")
        panel.tick_params(labelleft=column == 0, labelbottom=place + columns >= count)
    figure.text((left + WIDTH - right) / 2 / WIDTH, 0.1 / height, x, ha="center", va="bottom")
    figure.text(0.1 / WIDTH, (bottom + height - top) / 2 / height, y, ha="left", va="center", rotation=90)
    return figure, axes


def key(figure: Figure, entries: dict[str, dict]) -> None:
    """What the line styles mean, in one line above the panels, in ink: it holds for every colour."""
    handles = [mpl.lines.Line2D([], [], **{"color": INK, "linewidth": 1.2} | style) for style in entries.values()]
    figure.legend(
        handles, list(entries), loc="upper right", ncols=len(handles), frameon=False, fontsize=6.5, borderaxespad=0.2
    )


def rows(labels: dict[str, str], *, panels: int) -> tuple[Figure, list[Axes]]:
    """One row for each variant, its label at the left, and panels beside each other over the same rows."""
    left = label_width(labels)
    bottom, top, across = 0.45, 0.1, 0.25
    height = bottom + top + max(0.21 * len(labels), 0.45)
    figure = Figure(figsize=(WIDTH, height))
    wide = (WIDTH - left - 0.15 - (panels - 1) * across) / panels
    axes: list[Axes] = []
    for panel in range(panels):
        box = ((left + panel * (wide + across)) / WIDTH, bottom / height, wide / WIDTH, 1 - (bottom + top) / height)
        axes.append(figure.add_axes(box, sharey=axes[0] if axes else None))
        axes[-1].tick_params(axis="y", length=0, labelleft=panel == 0)
    axes[0].set_yticks(range(len(labels)), [safe(label) for label in labels.values()], fontsize=7)
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    for tick, variant in zip(axes[0].get_yticklabels(), labels, strict=True):
        tick.set_color(colour(variant))
    return figure, axes


def label_width(labels: dict[str, str]) -> float:
    """Inches that the longest label takes at the left of rows."""
    return 0.2 + 0.066 * max(len(safe(label)) for label in labels.values())


def beside(panel: Axes, ends: dict[str, float], labels: dict[str, str]) -> None:
    """Names at the right of their lines' ends (heights as values of y), moved apart where they would overlap."""
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
        at: dict[str, Any] = {"transform": panel.transAxes, "va": "center", "fontsize": 6.5, "fontweight": "bold"}
        panel.text(1.03, place / height, text, color=colour(name), **at)


def log_axis(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis from `low` to `high`, as plain numbers, few enough for a small panel."""
    decades = np.log10(high / low) if 0 < low < high else 0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 2.0, 5.0), numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def step_axis(panel: Axes, last: int) -> None:
    """Steps on a logarithmic axis that has a place for step 0, with at most five ticks."""
    panel.set_xscale("symlog", linthresh=1)
    decades = int(np.log10(max(last, 1)))
    panel.xaxis.set_major_locator(FixedLocator([0, *(10.0**k for k in range(0, decades + 1, 1 + decades // 4))]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(-0.15, max(last, 1) * 1.3)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def layer_axis(panel: Axes, last: int) -> None:
    """Layers are whole numbers with half a layer of room at both ends."""
    panel.set_xlim(0.6, last + 0.4)
    panel.xaxis.set_major_locator(FixedLocator(list(range(1, last + 1, 1 + (last - 1) // 8))))


def short(value: float) -> str:
    """`1k` for 1000, `1e-6` for a millionth, `0.02` for itself: a number on a small axis."""
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:g}".replace("-", "−")
    if 1000 <= abs(value) < 1e6:
        return f"{value / 1000:g}k".replace("-", "−")
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def error_scale() -> tuple[Callable, Callable]:
    """An accuracy axis spaced by the logarithm of the error, and back; one error in a thousand is its end."""
    return lambda a: -np.log10(np.maximum(1.001 - a, 1e-4)), lambda t: 1.001 - 10.0 ** (-t)


def _draw(name: str) -> tuple[float, float]:
    """Two numbers in [0, 1) that depend on a name only, the same on every machine."""
    number = zlib.crc32(f"{_SALT}{name}".encode())
    return (number >> 8) / 2**24, (number & 0xFF) / 256


def _fitted(label: str, *, inches: float) -> tuple[str, float]:
    """A title and a font size at which its bold letters fit in so many inches."""
    size = float(np.clip(inches * 72 / (0.7 * max(len(label), 1)), 5.2, 8))
    return safe(label, length=int(inches * 72 / (0.68 * size))), size
