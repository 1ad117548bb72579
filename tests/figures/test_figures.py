"""The figures about training on synthetic tables of one, few and many variants, with colours, names and numbers."""

import functools
import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.figure import Figure

from actbench.compare.ranking import ranked
from actbench.compare.workloads import workloads
from actbench.figures import axes, style, training
from actbench.tables.schema import Tables

FRAMES = {
    training.ranking: "runs",
    training.time: "runs",
    training.learning_curves: "epochs",
    training.saturation: "layers",
    training.output: "layers",
    training.gradient: "layers",
    training.drift: "layers",
    training.saturation_over_time: "layers",
    training.learned: "layers",
}
FEW = ["prelu", "relu", "rational"]


def draw(figure, tables: Tables) -> Figure:
    return draw_workload(figure, workloads(tables)[0].tables)


def draw_workload(figure, tables: Tables) -> Figure:
    with mpl.rc_context(style.style()):
        return figure(getattr(tables, FRAMES[figure]), training.labels(tables.runs, ranked(tables.runs)))


@functools.cache  # for all figures
def several(names: tuple[str, ...], seeds: int, depth: int) -> Tables:
    tables = synthetic.tables(list(names), seeds=seeds, depth=depth, epochs=4, diverged=("relu",))
    return workloads(tables)[0].tables


@pytest.mark.parametrize("figure", FRAMES)
@pytest.mark.parametrize(
    ("names", "seeds", "depth"),
    [
        (("prelu",), 1, 1),
        (("prelu",), 3, 3),
        (tuple(FEW), 3, 8),
        pytest.param(tuple(synthetic.NAMES[:35]), 2, 3, marks=pytest.mark.slow),
    ],
    ids=["1x1", "1x3", "3x8", "35x3"],
)
def test_every_figure_draws(figure, names: tuple[str, ...], seeds: int, depth: int) -> None:
    result = draw_workload(figure, several(names, seeds, depth))
    assert result.get_figwidth() == style.WIDTH
    assert result.get_figheight() < 10.7  # an A4 page less its margins
    result.draw_without_rendering()  # warnings are errors: glyphs, ticks, layout


@functools.cache
def with_long_names() -> Tables:
    both = [
        synthetic.tables(["rational"], seeds=2, **{"act.numerator": f"[{x / 3}{',0.123456789' * 9}]"}) for x in (1, 2)
    ]
    return workloads(Tables(*(pd.concat(frames, ignore_index=True) for frames in zip(*both, strict=True))))[0].tables


@pytest.mark.parametrize("figure", FRAMES)
def test_every_figure_draws_a_long_name(figure) -> None:
    """The names of two rational functions hold all their coefficients."""
    draw_workload(figure, with_long_names())


@functools.cache
def with_failures() -> Tables:
    runs, epochs, layers = synthetic.tables(FEW, seeds=2)
    diverged = runs["act"] == "relu"
    runs = runs.assign(status=runs["status"].where(~diverged, "diverged"), test_loss=runs["test_loss"].where(~diverged))
    dead, exploding = (layers["run_id"].isin(runs.loc[runs["act"] == name, "run_id"]) for name in ("prelu", "rational"))
    layers = layers.assign(
        grad_rms=layers["grad_rms"].where(~dead, 0.0),
        out_ratio=layers["out_ratio"].where(~dead, 0.0),
        out_mean=layers["out_mean"].where(~exploding, 1e30),
        saturation_low=np.nan,
    )
    epochs = epochs.assign(val_loss=epochs["val_loss"].where(epochs["epoch"] < 3, np.inf))
    return workloads(Tables(runs, epochs, layers))[0].tables


@pytest.mark.parametrize("figure", FRAMES)
def test_every_figure_draws_failures(figure) -> None:
    """One variant diverged on all seeds, another has no gradient, a third explodes."""
    draw_workload(figure, with_failures()).draw_without_rendering()


def test_no_frame_is_changed_in_place() -> None:
    tables = synthetic.tables(FEW, seeds=2)
    copies = [frame.copy(deep=True) for frame in tables]
    for figure in FRAMES:
        draw(figure, tables)
    assert all(frame.equals(copy) for frame, copy in zip(tables, copies, strict=True))


def test_a_label_counts_the_diverged_seeds() -> None:
    runs = workloads(synthetic.tables(FEW, seeds=4, diverged=("relu",)))[0].tables.runs
    assert training.labels(runs, ["relu", "prelu"]) == {"relu": "relu ✕ 1/4", "prelu": "prelu"}


def test_variants_of_one_activation_are_labelled_by_their_parameters() -> None:
    runs = pd.DataFrame({"variant": ["elu alpha=1", "elu alpha=2", "relu"], "status": ["done", "diverged", "done"]})
    both = ["elu alpha=1", "elu alpha=2"]
    assert training.labels(runs, both) == {both[0]: "alpha=1", both[1]: "alpha=2 ✕ 1/1"}
    assert training.labels(runs, [*both, "relu"])[both[0]] == both[0]
    assert training.labels(runs, both[:1]) == {both[0]: both[0]}


def test_learning_curves_have_a_panel_for_each_variant() -> None:
    figure = draw(training.learning_curves, synthetic.tables(synthetic.NAMES[:35], seeds=1, epochs=3))
    assert len(figure.axes) == 35


def test_a_cross_marks_where_a_seed_diverged() -> None:
    figure = draw(training.learning_curves, synthetic.tables(FEW, seeds=3, epochs=12, diverged=("relu",)))
    crosses = [
        (a.get_title(loc="left"), line.get_xdata()[0])
        for a in figure.axes
        for line in a.lines
        if line.get_marker() == "x"
    ]
    assert crosses == [("relu ✕ 1/3", 6)]


def test_a_variant_without_gradient_says_so() -> None:
    tables = synthetic.tables(["prelu"], seeds=2)
    figure = draw(training.gradient, tables._replace(layers=tables.layers.assign(grad_rms=0.0)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["zero in every layer"]


def test_a_colour_depends_on_the_name_only() -> None:
    assert style.colour("relu") == style.colour("relu")
    assert style.colour("elu alpha=0.5") != style.colour("elu alpha=1")


def test_neighbours_in_the_alphabet_have_distinct_colours() -> None:
    colours = np.array([style.colour(name) for name in synthetic.NAMES])
    assert np.abs(np.diff(colours, axis=0)).sum(axis=1).min() > 0.1


@pytest.mark.parametrize(
    ("act", "values"),
    [
        ("leaky_relu negative_slope", ["0", "0.01", "0.05", "0.1", "0.2", "0.3", "0.5"]),
        ("elu alpha", ["1e-06", "0.01", "0.1", "0.5", "1", "2"]),
        ("softplus beta", ["0.5", "1", "2", "5", "10", "100"]),
        ("hardtanh max_val=1 min_val", ["-1", "-0.5", "0", "-2", "-4"]),
        ("gelu approximate", ["none", "tanh"]),
    ],
)
def test_the_values_of_a_parameter_have_distinct_colours(act: str, values: list[str]) -> None:
    colours = [np.array(style.colour(f"{act}={value}")) for value in values]
    assert min(np.abs(a - b).sum() for a, b in itertools.combinations(colours, 2)) > 0.15


@pytest.mark.parametrize("parameters", ["a=nan", "a=inf", "a=1e308", "a", "a=", "=1", " a=b=c  d"])
def test_every_name_has_a_colour(parameters: str) -> None:
    assert all(0 <= channel <= 1 for channel in style.colour(f"relu {parameters}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("$\\frac{", "\\$\\frac{"), ("a漢b", "a?b"), ("x" * 50, "x" * 16 + "…" + "x" * 17), ("α=0.5 ✕", "α=0.5 ✕")],
)
def test_a_name_is_made_safe_for_matplotlib(name: str, expected: str) -> None:
    assert style.safe(name) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.02, "0.02"), (1000, "1k"), (1e-6, "1e−6"), (-3, "−3"), (1e7, "1e7"), (1e-12, "1e−12")],
)
def test_numbers_on_axes_are_short(value: float, text: str) -> None:
    assert axes.short(value) == text


def test_a_long_learned_vector_is_drawn_as_its_mean() -> None:
    tables = synthetic.tables(["prelu"], seeds=2)
    entries = {f"act.weight[{i}]": float(i) for i in range(64)}
    layers = tables.layers.drop(columns="act.weight").assign(**entries)
    figure = draw(training.learned, tables._replace(layers=layers))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["prelu  weight (mean of 64)"]
    assert figure.axes[0].lines[0].get_ydata()[0] == 31.5


def test_no_line_joins_the_layers_of_two_networks() -> None:
    """The generator's one layer and the discriminator's two: the axis says which layers belong to which."""
    names = ["generator.0", "discriminator.0", "discriminator.1"]
    keys = {"run_id": "r", "seed": 0, "step": 0, "layer": names, "layer_index": [1, 2, 3]}
    layers = pd.DataFrame({"variant": "f", **keys, "saturation_low": [0.5, 0, 0], "saturation_high": 0.0})
    figure = training.saturation(layers, {"f": "f"})
    assert figure.axes[-1].get_xlabel() == "layer (generator 1, discriminator 2 to 3)"
    for panel in figure.axes:
        assert [list(line.get_xdata()) for line in panel.lines if line.get_marker() == "o"] == [[1], [2, 3]]
    figure = training.saturation(layers.assign(layer=["a.0", "a.1", "a.2"]), {"f": "f"})
    assert figure.axes[-1].get_xlabel() == "layer (from the input)"
    (joined,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert list(joined.get_xdata()) == [1, 2, 3]
    many = {f"f{i}": f"f{i}" for i in range(7)}
    figure = training.saturation(pd.concat([layers.assign(variant=name, run_id=name) for name in many]), many)
    assert "layer (generator 1, discriminator 2 to 3)" in [text.get_text() for text in figure.texts]


def test_saturation_over_time_has_the_layers_of_the_last_network() -> None:
    names = ["generator.0", "discriminator.0", "discriminator.1"] * 2
    keys = {"run_id": "r", "seed": 0, "step": [0] * 3 + [9] * 3, "layer": names, "layer_index": [1, 2, 3] * 2}
    layers = pd.DataFrame({"variant": "f", **keys, "saturation_low": [0.5, 0.1, 0.2] * 2, "saturation_high": 0.0})
    figure = training.saturation_over_time(layers, {"f": "f"})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first layer (2)", "last layer (3)"]
    heights = {float(abs(y)) for line in figure.axes[0].lines for y in line.get_ydata()}
    assert heights == {0.0, 0.1, 0.2}
