"""The paired differences: the numbers of the tables on one axis, verdicts as marks, failures apart."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from actbench.figures import differences, style

NAMES = {"lisht": "lisht", "tanh": "tanh", "mine": "mine", "threshold": "threshold"}
TABLE = pd.DataFrame({
    "variant": list(NAMES), "change": [-0.2, 0.02, 0.3, 30.0], "low": [-0.3, -0.03, 0.1, 29.0],
    "high": [-0.1, 0.05, 0.5, 31.0], "verdict": ["better", "equivalent", "worse", "worse"],
})  # fmt: skip
NONE = pd.DataFrame({"variant": list(NAMES), "n": 20, "failed": 0, "rate": 0.0})
LAST = NONE.assign(failed=[0, 0, 0, 18], rate=[0, 0, 0, 0.9])


def draw(verdicts: dict[str, pd.DataFrame], failures: dict[str, pd.DataFrame]) -> Figure:
    with mpl.rc_context(style.style()):
        figure = differences.differences(verdicts, failures, NAMES, change="change of the error against relu")
        figure.draw_without_rendering()
    return figure


def dots(panel: Axes) -> list[mpl.lines.Line2D]:
    return [line for line in panel.lines if line.get_marker() not in ("None", "") and not line.get_alpha()]


def names(panel: Axes) -> list[str]:
    return [tick.get_text() for tick in panel.get_yticklabels()]


def test_it_has_the_numbers_of_its_tables_in_percent_and_marks_the_verdicts() -> None:
    (panel,) = draw({"": TABLE[:3]}, {"": NONE}).axes
    assert [line.get_xdata()[0] for line in dots(panel)] == pytest.approx([-20, 2, 30])
    bars = [list(line.get_xdata()) for line in panel.lines if line.get_alpha()]
    assert np.array(bars) == pytest.approx(np.array([[-30, -10], [-3, 5], [10, 50]]))
    assert [line.get_marker() for line in dots(panel)] == ["o", "s", "o"]
    assert [to_rgb(line.get_markerfacecolor()) == (1, 1, 1) for line in dots(panel)] == [False, True, False]
    assert [line.get_color() for line in dots(panel)] == [style.colour(name) for name in list(NAMES)[:3]]
    assert [tick.get_fontweight() for tick in panel.get_yticklabels()] == ["normal", "normal", "bold"]


def test_settings_stand_side_by_side_on_one_axis() -> None:
    figure = draw({"shared": TABLE[:3], "tuned": TABLE[1:3]}, {"shared": NONE, "tuned": NONE})
    shared, tuned = figure.axes
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["shared", "tuned"]
    assert shared.get_xlim() == tuned.get_xlim()
    assert [line.get_ydata()[0] for line in dots(tuned)] == [1, 2]  # in the rows of the first panel
    assert figure.get_supxlabel() == "change of the error against relu (%)"


def test_what_failed_in_one_setting_and_is_not_measured_in_the_other_is_said_there_alone() -> None:
    name = list(NAMES)[-1]
    figure = draw({"shared": TABLE, "tuned": TABLE[:3]}, {"shared": LAST, "tuned": NONE[:3]})
    *_, strip, empty = figure.axes
    assert names(strip) == [NAMES[name]]
    assert [text.get_text() for text in strip.texts] == ["failed on 18 of 20 seeds"]
    assert not empty.texts


def test_what_lies_far_out_does_not_stretch_the_axis_and_says_its_size() -> None:
    (panel,) = draw({"": TABLE}, {"": NONE}).axes
    assert panel.get_xlim()[1] < 100
    assert [(text.get_text(), text.get_position()[1]) for text in panel.texts] == [("+3,000 % ▸", 3)]
    assert len(dots(panel)) == 3


def test_what_failed_in_every_setting_has_a_strip_of_its_own() -> None:
    main, strip = draw({"": TABLE}, {"": LAST}).axes
    assert (names(main), names(strip)) == (["lisht", "tanh", "mine"], ["threshold"])
    assert [text.get_text() for text in strip.texts] == ["failed on 18 of 20 seeds"]
    assert not main.texts


def test_what_failed_in_one_setting_says_so_in_its_row() -> None:
    figure = draw({"shared": TABLE, "tuned": TABLE}, {"shared": LAST, "tuned": NONE})
    shared, tuned = figure.axes
    assert names(shared) == list(NAMES)
    assert [(text.get_text(), text.get_position()[1]) for text in shared.texts] == [("failed on 18 of 20 seeds", 3)]
    assert [text.get_text() for text in tuned.texts] == ["+3,000 % ▸"]


def test_where_all_failed_there_is_only_the_strip() -> None:
    (strip,) = draw({"": TABLE}, {"": NONE.assign(failed=20, rate=1.0)}).axes
    assert names(strip) == list(NAMES)
    assert len(strip.texts) == 4


def test_the_key_names_what_is_there() -> None:
    figure = draw({"": TABLE[:3]}, {"": NONE})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "bounded", "others", "not in the catalogue", "better or worse", "equivalent",
    ]  # fmt: skip


def test_differences_that_are_all_equal_or_not_finite_have_an_axis() -> None:
    for change in (0.0, np.nan):
        (panel,) = draw({"": TABLE.assign(change=change, low=change, high=change)}, {"": NONE}).axes
        low, high = panel.get_xlim()
        assert low <= -10
        assert high >= 10
