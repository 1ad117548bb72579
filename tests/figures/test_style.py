"""Colours: told apart by everyone, by family of function, the reference and what the catalogue lacks on their own."""

import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from actbench.figures import layout, style
from actbench.tables import families

# Machado, Oliveira & Fernandes 2009: what a dichromat sees of linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def linear(colour) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x = np.array(XYZ) @ rgb.clip(0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
def test_families_are_told_apart(sight: str) -> None:
    """A distance of 2 in CIELAB is just seen, one of 15 is another colour."""
    seen = [lab(np.array(SIGHT[sight]) @ linear(c)) for c in (*style.COLOURS.values(), style.colour("relu"))]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def test_colours_are_seen_on_white() -> None:
    """WCAG 2.1 asks graphics for a contrast of 3."""
    for colour in style.COLOURS.values():
        assert 1.05 / (np.array(XYZ[1]) @ linear(colour) + 0.05) > 3


def test_a_colour_is_that_of_the_family() -> None:
    assert style.colour("tanh") == style.colour("sigmoid") != style.colour("gelu")
    assert style.colour("elu alpha=0.5") == style.colour("elu alpha=1")
    assert style.colour("leaky_relu negative_slope=0") == style.COLOURS["kinked rectifiers"]


def test_the_reference_and_what_the_catalogue_lacks_stand_out() -> None:
    names = ["relu", "mine.squash", "squash alpha=1", "gelu"]
    assert [style.group(name) for name in names] == ["relu", style.OWN, style.OWN, "smooth rectifiers"]
    assert [style.weight(name) for name in names] == ["bold", "bold", "bold", "normal"]
    assert len({style.colour(name) for name in names}) == 3
    assert style.colour("relu") not in style.COLOURS.values()


def test_lines_of_one_family_have_shades() -> None:
    names = [f"leaky_relu negative_slope={x}" for x in (0, 0.1, 0.2, 0.5)]
    shades = style.shades(["tanh", *reversed(names)])
    assert len({to_rgb(shade) for shade in shades.values()}) == 5
    light = [np.linalg.norm(linear(shades[name])) for name in names]
    assert light == sorted(light)
    assert shades["tanh"] == style.colour("tanh")


def test_every_family_has_a_colour() -> None:
    assert set(families.published().values()) == set(families.FAMILIES) == set(style.COLOURS) - {style.OWN}


def test_what_is_left_out_of_the_layout_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes with labels and without, a key, an image without ticks, a colour bar with pointed ends."""

    def image(name: str) -> np.ndarray:
        with mpl.rc_context(style.style()):
            figure, (first, second, third) = layout.grid(3, columns=3, height=2)
            first.plot([0, 1e6], [-3e-7, 2])
            first.set(xlabel="epoch", title="f")
            second.plot([0, 1], [0, 1])
            second.set_ylabel("loss")
            mappable = third.imshow([[0, 1], [2, 3]], aspect="auto")
            third.set(xticks=[], yticks=[])
            figure.colorbar(mappable, ax=third, location="top", extend="both")
            figure.supxlabel("step")
            layout.key(figure, {"f": {}, "f ′": {"linestyle": "--"}})
            style.save(figure, tmp_path / name)
        return np.asarray(Image.open(tmp_path / name).convert("RGB"))

    left_out = image("out.png")
    monkeypatch.setattr(style, "_leave_out_of_layout", lambda figure: None)
    assert np.array_equal(left_out, image("in.png"))
