"""The style of all figures: the rc settings, a colour for each family of functions, text that is safe to draw, saving.

No eye matches 42 colours to 42 names: a colour says which family a function is of (`tables/families.py`), its name
stands beside its row or above its panel. The reference is black, and what the catalogue does not have, such as a user's
own function, is pink and bold. Figures are made without pyplot, so none stays open and no window is needed.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

from actbench.tables import families
from actbench.tables.schema import REFERENCE

WIDTH = 7.5  # inches: a printed A4 page less its margins
GREY = "#c8c8c8"
INK = "#404040"
OWN = "not in the catalogue"
# Told apart under each kind of colour-blindness (tests/figures/test_style.py computes how well).
COLOURS = dict(
    zip((*families.FAMILIES, OWN), ("#2548ff", "#2a9d5c", "#af3b1e", "#8326c4", "#a58a0d", "#f83bb2"), strict=True)
)
_DPI = 150
_REFERENCE = "#1a1a1a"
STYLE = {
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "xtick.bottom": False,
    "ytick.left": False,
    "patch.edgecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "figure.labelsize": 7.5,
    "figure.constrained_layout.h_pad": 0.06,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.titlesize": 8,
    "axes.titley": 1.0,  # else each layout looks for ticks above the panel
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
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
}


def style() -> mpl.RcParams:
    """The rc settings of every figure."""
    return mpl.RcParams(STYLE)


def group(variant: str) -> str:
    """What a variant's colour says: the reference itself, its function's family, or that the catalogue lacks it."""
    function = variant.partition(" ")[0]
    return REFERENCE if variant == REFERENCE else families.published().get(function, OWN)


def colour(variant: str) -> Any:
    """The colour of a variant, from its name alone: the same in every figure, whatever else is in it."""
    return _REFERENCE if group(variant) == REFERENCE else COLOURS[group(variant)]


def weight(variant: str) -> str:
    """The weight of a name: bold for the reference, and for what the catalogue lacks."""
    return "bold" if group(variant) in (REFERENCE, OWN) else "normal"


def shades(variants: Iterable[str]) -> dict[str, Any]:
    """Colours for lines in one panel: those of a family from dark to light, by the value of their last parameter."""
    members = defaultdict(list)
    for name in sorted(variants, key=_value):
        members[group(name)].append(name)
    return {name: _shade(colour(name), i, len(names)) for names in members.values() for i, name in enumerate(names)}


def _value(variant: str) -> float:
    """The last parameter of a variant, 0 where it has none or it is no number."""
    try:
        return float(variant.rpartition("=")[2])
    except ValueError:
        return 0.0


def _shade(base: Any, place: int, count: int) -> Any:
    """The shade at `place` of `count` around a colour, from nearly half black to nearly half white."""
    if count == 1:
        return base
    way = 2 * place / (count - 1) - 1  # from −1, dark, to 1, light
    target = np.ones(3) if way > 0 else np.zeros(3)
    return tuple((1 - abs(way) * 0.45) * np.array(to_rgb(base)) + abs(way) * 0.45 * target)


def safe(text: str, *, length: int = 34) -> str:
    """A name that matplotlib can draw: without mathematics or missing glyphs, beyond `length` cut in its middle."""
    glyphs = get_font(findfont(FontProperties(family="DejaVu Sans")))
    name = "".join(c if glyphs.get_char_index(ord(c)) else "?" for c in text)
    if len(name) > length:
        name = name[: (length - 1) // 2] + "…" + name[-(length // 2) :]  # a parameter's value is at the end
    return name.replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of at most 256 colours, a third of the size, whose bytes depend on the figure only."""
    figure.set_dpi(_DPI)
    _leave_out_of_layout(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; savefig draws twice, to have room for all
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    image.save(path, "png", compress_level=8)  # 9, the highest, takes twice as long for a hundredth of the size


def _leave_out_of_layout(figure: Figure) -> None:
    """Mark what needs no room of its own, so that the layout takes less time and comes out the same.

    A spine without tick marks lies on its panel's edge; a label without text has no size, but to place it matplotlib
    measures all tick labels.
    """
    for panel in figure.axes:
        panel.spines[["left", "bottom"]].set_in_layout(False)
        for axis in (panel.xaxis, panel.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0, 0)
