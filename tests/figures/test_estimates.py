"""A dot with its interval, in every figure that has one: the numbers of its table, in the colour of its row."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure

from actbench.compare.init_or_rate import EFFECTS
from actbench.figures import comparison, drawing, functions, series, style, tracks, training
from benchmarks.speed import figure as speed_figure

NAMES = {"relu": "relu", "elu": "elu", "mish": "mish"}
MEANS, LOW, HIGH = [0.2, -0.1, 0.05], [0.1, -0.3, -0.02], [0.4, -0.05, 0.06]
TABLE = pd.DataFrame({"variant": list(NAMES), "mean": MEANS, "low": LOW, "high": HIGH})


def drawn(panel: Axes) -> list[tuple[float, float, float]]:
    """The value and the ends of the interval of each row of a panel, from the first row to the last."""
    bars = {line.get_ydata()[0]: line.get_xdata() for line in panel.lines if line.get_alpha()}
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in panel.lines if line.get_marker() not in ("None", "")}
    assert bars.keys() == dots.keys()
    return [(float(dots[y]), *map(float, bars[y])) for y in sorted(dots)]


def rows(table: pd.DataFrame, *columns: str) -> list[tuple[float, ...]]:
    return list(table[list(columns)].itertuples(index=False, name=None))


def test_of_x_and_y_one_has_the_interval() -> None:
    panel = Figure().add_subplot()
    drawing.estimate(panel, (2, 1, 4), 7, shade="red")
    drawing.estimate(panel, [1, 2], [[5, 6], [3, 4], [8, 9]], shade="red")
    points = [line.get_xydata().tolist() for line in panel.lines]
    assert points[:2] == [[[1, 7], [4, 7]], [[2, 7]]]
    assert points[2:] == [[[1, 3], [1, 8]], [[2, 4], [2, 9]], [[1, 5], [2, 6]]]


def test_a_row_without_a_number_says_so() -> None:
    panel = Figure().add_subplot()
    drawing.estimates(panel, TABLE.assign(mean=[0.2, np.nan, 0.05]), NAMES, missing="a value is not finite")
    assert [(text.get_text(), text.get_position()[1]) for text in panel.texts] == [("a value is not finite", 1)]
    assert len(drawn(panel)) == 2
    runs = pd.DataFrame({"variant": ["relu", "relu", "elu"], "test_loss": [0.1, 0.2, np.inf]})
    (panel,) = training.ranking({"": runs}, {"relu": "relu", "elu": "elu ✕ 1/1"}).axes
    assert [(text.get_text(), text.get_position()[1]) for text in panel.texts] == [("no finite value", 1)]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["relu", "elu ✕ 1/1"]


def test_ranks_relations_corners_and_ratios_have_the_numbers_of_their_tables() -> None:
    ranks = pd.DataFrame({"variant": list(NAMES), "rank": [1.0, 2, 3], "low": [1.0, 1, 2], "high": [2.0, 3, 3]})
    for panel in comparison.rank_intervals({"shared": ranks, "tuned": ranks}, NAMES).axes:
        assert drawn(panel) == rows(ranks, "rank", "low", "high")
        assert list(panel.get_xticks()) == [1, 2, 3]
    relations = TABLE.rename(columns={"mean": "rho"}).assign(
        measure=["dead", "gain", "out_std"], when="at the end", p_bh=[0.01, 0.2, 0.2]
    )
    (panel,) = comparison.diagnostics({"the loss": relations}).axes
    assert drawn(panel) == rows(TABLE, "mean", "low", "high")
    faces = [to_rgb(line.get_markerfacecolor()) for line in panel.lines if line.get_marker() == "o"]
    assert faces == [to_rgb(style.INK), (1, 1, 1), (1, 1, 1)]
    effects = pd.concat([TABLE.assign(effect=effect) for effect in EFFECTS])
    for panel in tracks.corners(effects, NAMES, change="Δ error").axes:
        assert drawn(panel) == rows(TABLE, "mean", "low", "high")
    ratios = pd.DataFrame({"variant": list(NAMES), "iqm": [1.0, 2, 3], "low": [0.9, 1, 2], "high": [1.1, 4, 5]})
    (panel,) = tracks.relative({"shared": ratios}, NAMES).axes
    assert drawn(panel) == rows(ratios, "iqm", "low", "high")


def test_layers_have_vertical_intervals() -> None:
    means = TABLE.assign(measure="out_mean", setting="", when="at the end", x=[1, 2, 3], network="", variant="relu")
    scale = series.Scale("output mean", Normalize(-2, 2), "RdBu_r", (0,))
    figure = series.draw(means, {"relu": "relu"}, {"out_mean": scale}, x="layer", ticks=series.epoch_axis)
    assert figure is not None
    (panel,) = figure.axes
    bars = [[list(map(float, end)) for end in bar] for bar in panel.collections[0].get_segments()]
    assert bars == [[[x, low], [x, high]] for x, low, high in zip((1, 2, 3), LOW, HIGH, strict=True)]
    assert panel.lines[0].get_xydata().tolist() == [[x, mean] for x, mean in zip((1, 2, 3), MEANS, strict=True)]


def test_the_ranking_is_drawn_from_the_runs() -> None:
    runs = pd.DataFrame({"variant": ["relu"] * 3, "test_loss": [0.25, 0.5, 0.75], "test_accuracy": np.nan})
    runs = runs.assign(test_fld=np.nan, test_ndb=np.nan)
    (panel,) = training.ranking({"": runs}, {"relu": "relu"}).axes
    ((mean, low, high),) = drawn(panel)
    assert mean == 0.5
    assert low == 0  # where a loss ends; the t interval is 0.5 ± 0.62
    assert high == pytest.approx(0.5 + 0.25 * scipy.stats.t.ppf(0.975, 2) / np.sqrt(3))
    assert panel.collections[0].get_offsets()[:, 0].tolist() == [0.25, 0.5, 0.75]


def test_the_cost_has_two_dots_a_function_and_the_cheapest_at_the_edge() -> None:
    case = {"pass": "forward+backward", "mode": "eager", "dtype": "float32"}
    table = pd.DataFrame([
        case | {"function": name, "size": size, "ratio": ratio, "ratio_low": ratio / 2, "ratio_high": ratio * 2}
        for size, ratios in {"inside cache": (1, 4), "outside cache": (2, 0.1)}.items()
        for name, ratio in zip(("relu", "mish"), ratios, strict=True)
    ])  # fmt: skip
    figure = functions.cost(table)
    dots = [line.get_xydata().round(2).tolist() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [[[1, -0.15], [4, 0.85]], [[2, 0.15], [0.4, 1.15]]]
    bars = [line.get_xdata().tolist() for line in figure.axes[0].lines if line.get_alpha()]
    assert bars == [[0.5, 2], [2, 8], [1, 4], [0.4, 0.4]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["inside cache", "outside cache"]


def test_a_target_is_drawn_as_the_ratio_over_it_and_a_part_the_other_way_round() -> None:
    ratios = pd.DataFrame({
        "case": "mlp", "arm": ["fast", "probes of loop"], "against": "loop", "is_part": [False, True],
        "ratio": [6.0, 0.5], "low": [3.0, 0.25], "high": [9.0, 1.0], "target": [3.0, 0.5],
        "verdict": ["open", "missed"],
    })  # fmt: skip
    (panel,) = speed_figure.targets(ratios).axes
    assert drawn(panel) == [(2, 1, 3), (1, 2, 0.5)]
    assert [tick.get_text() for tick in panel.get_yticklabels()] == [
        "mlp: fast / loop",
        "mlp: probes of, share of time",
    ]
