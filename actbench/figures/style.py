"""The style of all figures: the rc settings, one colour per activation, text that is safe to draw, saving.

No figure has a legend of activations, since no eye can match 35 colours to 35 names. A name stands beside its line or
row, in its colour. Figures are made without pyplot, so none stays open and no window is needed.
"""

import io
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

WIDTH = 7.5  # inches: a printed A4 page less its margins
GREY = "#c8c8c8"
INK = "#404040"
# The one of 1,500 salts with which successive names of the 36 functions of PROTOCOL 2 differ most in colour.
_SALT = "actbench-1390"
_LIGHTNESS = (0.38, 0.5, 0.6)
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "figure.labelsize": 7.5,
    "figure.constrained_layout.h_pad": 0.06,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
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
    """The rc settings of every figure."""
    return sns.axes_style("whitegrid", rc={}) | STYLE | {"axes.spines.right": False, "axes.spines.top": False}


def colour(variant: str) -> tuple[float, float, float]:
    """The colour of a variant, from its name alone: the same in every figure, whatever else is in it.

    The hue is the activation's. A parameter in the name (`elu alpha=0.5`) turns the hue by the logarithm of its value:
    near values are near in hue but not in lightness. Later parameters turn it less.
    """
    act, *parameters = variant.split(" ")
    hue, light = _draw(act)
    turn = sum(_turn(text.partition("=")[2]) / place for place, text in enumerate(parameters, start=1))
    hue, light = hue + turn, (light + 7 * turn) % 1
    return sns.husl_palette(1, h=hue % 1.0, s=0.92, l=_LIGHTNESS[int(light * len(_LIGHTNESS))])[0]


def _turn(value: str) -> float:
    """The share of the colour wheel by which a value turns a hue: 0 for 0, about 0.3 per decade above 0.01."""
    try:
        turn = 0.3 * float(np.log1p(100 * abs(float(value))) / np.log(10))
    except ValueError:  # a word
        turn = np.inf
    return turn if np.isfinite(turn) else _draw(value)[0]


def safe(text: str, *, length: int = 34) -> str:
    """A name that matplotlib can draw: without mathematics or missing glyphs, beyond `length` cut in its middle."""
    glyphs = get_font(findfont(FontProperties(family="DejaVu Sans")))
    name = "".join(c if glyphs.get_char_index(ord(c)) else "?" for c in text)
    if len(name) > length:
        name = name[: (length - 1) // 2] + "…" + name[-(length // 2) :]  # a parameter's value is at the end
    return name.replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of at most 256 colours, a third of the size, whose bytes depend on the figure only."""
    file = io.BytesIO()
    figure.savefig(file, dpi=150, format="png")
    image = Image.open(file).convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    image.save(path, "png", optimize=True)


def _draw(name: str) -> tuple[float, float]:
    """Two numbers in [0, 1) that depend on a name only, the same on every machine."""
    number = zlib.crc32(f"{_SALT}{name}".encode())
    return (number >> 8) / 2**24, (number & 0xFF) / 256
