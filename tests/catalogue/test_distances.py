"""Distances between functions that are called alike, against closed forms and numpy."""

import math

import numpy as np
import pytest
from scipy.special import expit, ndtr

from actbench.catalogue.distances import PAIRS, distance

pytestmark = pytest.mark.xdist_group("functions")  # the table is made once
Z = np.linspace(-12, 12, 2_400_001)
GELU = Z * ndtr(Z)


def test_distances_are_their_closed_forms(distances):
    exact = distances.dropna(subset="closed_form")
    assert set(exact["pair"]) == {"ELU → ReLU", "Softplus → ReLU", "Swish → ReLU", "Swish → z/2 on |z| ≤ 3"}
    np.testing.assert_allclose(exact["distance"], exact["closed_form"], rtol=1e-9)
    assert exact["deviation"].abs().max() < 1e-9
    assert distances.loc[distances["closed_form"].isna(), "deviation"].isna().all()


@pytest.mark.parametrize(
    ("title", "setting", "expected"),
    [
        ("Swish ~ GELU", 1.702, np.abs(GELU - Z * expit(1.702 * Z)).max()),
        ("GELU's sigmoid form ~ GELU", math.nan, np.abs(GELU - Z * expit(1.702 * Z)).max()),
        (
            "GELU's tanh form ~ GELU", math.nan,
            np.abs(GELU - Z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (Z + 0.044715 * Z**3)))).max(),
        ),
        # |z/6 + 1/2 - s| is largest where s (1 - s) = 1/6, that is s = (1 + 1/sqrt(3)) / 2.
        (
            "Hard sigmoid ~ σ(scale z)", 1.0,
            (1 + 3**-0.5) / 2 - math.log((1 + 3**-0.5) / (1 - 3**-0.5)) / 6 - 0.5,
        ),
    ],
)  # fmt: skip
def test_distances_without_a_closed_form_are_those_on_a_fine_grid_of_numpy(title, setting, expected):
    pair = next(pair for pair in PAIRS if pair.title == title)
    assert distance(pair, setting)[0] == pytest.approx(expected, rel=1e-7)


def test_functions_converge_but_their_derivatives_do_not(distances):
    for title in ("Softplus → ReLU", "Swish → ReLU"):
        slopes = distances[(distances["pair"] == title) & (distances["order"] == 1)]
        np.testing.assert_allclose(slopes["distance"], 0.5, rtol=1e-6)


def test_1702_is_not_the_scale_at_which_swish_is_closest_to_gelu(distances):
    values = distances[(distances["pair"] == "Swish ~ GELU") & (distances["order"] == 0)]
    by_scale = values.set_index("setting")["distance"]
    assert by_scale[1.75] < 0.8 * by_scale[1.702]
