"""The figures about training on synthetic tables of one, few and many variants, in one setting and in several."""

import functools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.figure import Figure

from actbench.compare.ranking import ranked
from actbench.compare.workloads import workloads
from actbench.figures import axes, layers, learned, series, style, training
from actbench.tables.schema import Tables

FRAMES = {
    training.ranking: "runs",
    training.learning_curves: "epochs",
    layers.saturation: "layers",
    layers.output: "layers",
    layers.gradient: "layers",
    learned.learned: "layers",
}
FEW = ["prelu", "relu", "rational"]


def draw(figure, tables: Tables, *titles: str) -> Figure:
    """A figure of the only workload of the tables, the same in each setting of `titles`."""
    result = draw_workload(figure, workloads(tables)[0].tables, *titles)
    assert result is not None
    return result


def draw_workload(figure, tables: Tables, *titles: str) -> Figure | None:
    facets = {title: getattr(tables, FRAMES[figure]) for title in titles or ("",)}
    with mpl.rc_context(style.style()):
        return figure(facets, training.labels(tables.runs, ranked(tables.runs)))


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
    for titles in ((), ("one", "two, with a title that is much too long for the panel that it is written above")):
        result = draw_workload(figure, several(names, seeds, depth), *titles)
        if result is None:  # one layer of one variant may be the same before and after
            assert depth == 1
            continue
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
    result = draw_workload(figure, with_long_names())
    assert result is not None
    result.draw_without_rendering()


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
    result = draw_workload(figure, with_failures())
    assert result is not None
    result.draw_without_rendering()


def test_no_frame_is_changed_in_place() -> None:
    tables = synthetic.tables(FEW, seeds=2)
    copies = [frame.copy(deep=True) for frame in tables]
    for figure in FRAMES:
        draw(figure, tables)
    assert all(frame.equals(copy) for frame, copy in zip(tables, copies, strict=True))


def test_a_label_counts_the_diverged_seeds() -> None:
    runs = workloads(synthetic.tables(FEW, seeds=4, diverged=("relu",)))[0].tables.runs
    assert training.labels(runs, ["relu", "prelu"]) == {"relu": "relu ✕ 1/4", "prelu": "prelu"}


def test_variants_of_one_activation_are_labelled_by_their_parameters_in_words() -> None:
    names = ["celu_like min_alpha=1", "celu_like min_alpha=2", "relu"]
    runs = pd.DataFrame({"variant": names, "status": ["done", "diverged", "done"]})
    both = names[:2]
    assert training.labels(runs, both) == {both[0]: "min alpha 1", both[1]: "min alpha 2 ✕ 1/1"}
    assert training.labels(runs, [*both, "relu"])[both[0]] == both[0]
    assert training.labels(runs, both[:1]) == {both[0]: both[0]}


def test_few_variants_share_a_panel_for_each_setting_and_many_have_a_row() -> None:
    figure = draw(training.learning_curves, synthetic.tables(FEW, seeds=2, epochs=3), "one", "two")
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["one", "two"]
    assert [text.get_text() for text in figure.legends[0].get_texts()][3:] == ["validation", "training"]
    names = synthetic.NAMES[:9]
    figure = draw(training.learning_curves, synthetic.tables(names, seeds=1, epochs=3), "one", "two")
    maps = [panel for panel in figure.axes if panel.images]
    assert [panel.get_title(loc="left") for panel in maps] == ["one", "two"]
    assert sorted(tick.get_text() for tick in maps[0].get_yticklabels()) == names


def test_a_heat_map_has_the_means_at_their_layers() -> None:
    names = synthetic.NAMES[:9]
    tables = workloads(synthetic.tables(names, seeds=2, depth=4))[0].tables
    figure = draw_workload(layers.output, tables)
    assert figure is not None
    first = figure.axes[0]
    cells = first.images[0].get_array()
    rows = tables.layers[(tables.layers["step"] == 0) & (tables.layers["layer_index"] == 3)]
    means = rows.groupby("variant")["out_mean"].mean()
    order = [tick.get_text() for tick in first.get_yticklabels()]
    assert list(cells[:, 2]) == pytest.approx([means[name] for name in order])
    assert first.images[0].get_extent()[:2] == [0.5, 4.5]


def test_all_panels_of_a_measure_have_one_axis_that_holds_every_line() -> None:
    tables = workloads(synthetic.tables(FEW, seeds=2, depth=3))[0].tables
    facets = {"low": tables.layers, "high": tables.layers.assign(out_mean=tables.layers["out_mean"] + 5)}
    figure = layers.output(facets, {name: name for name in FEW})
    assert figure is not None
    low, high = figure.axes[:2]
    assert low.get_ylim() == high.get_ylim()
    for panel in (low, high):
        values = np.concatenate([np.asarray(line.get_ydata(), float) for line in panel.lines])
        assert panel.get_ylim()[0] < values.min() <= values.max() < panel.get_ylim()[1]


def test_a_measure_that_is_the_same_everywhere_is_left_out() -> None:
    tables = workloads(synthetic.tables(FEW, seeds=2))[0].tables
    labels = {name: name for name in FEW}
    flat = tables.layers.assign(saturation_high=0.001)
    figure = layers.saturation({"": flat}, labels)
    assert figure is not None
    assert [panel.get_ylabel() for panel in figure.axes] == ["saturation, low side\n(share)"]
    assert layers.saturation({"": flat.assign(saturation_low=0.5)}, labels) is None
    assert layers.gradient({"": flat.assign(grad_rms=0.0)}, labels) is None


def test_the_only_time_is_named_at_the_axis_and_two_times_in_the_key() -> None:
    tables = workloads(synthetic.tables(FEW, seeds=2))[0].tables
    labels = {name: name for name in FEW}
    figure = layers.output({"": tables.layers[tables.layers["step"] == 0]}, labels)
    assert figure is not None
    assert figure.get_supxlabel() == "layer (from the input), at initialisation"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == FEW
    figure = layers.output({"": tables.layers}, labels)
    assert figure is not None
    assert figure.get_supxlabel() == "layer (from the input)"
    key = {
        text.get_text(): line.get_linestyle()
        for text, line in zip(figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=True)
    }
    assert (key["at initialisation"], key["at the end"]) == ("--", "-")


def test_layers_and_epochs_are_whole_numbers_at_any_depth() -> None:
    figure = draw(layers.output, synthetic.tables(FEW, seeds=2, depth=20))
    ticks = [float(place) for place in figure.axes[-1].get_xticks()]
    assert ticks == [round(place) for place in ticks]
    assert len(ticks) < 12


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


def test_a_learned_parameter_is_drawn_by_layer_a_line_for_each_setting() -> None:
    tables = workloads(synthetic.tables(["prelu"], seeds=2, depth=3))[0].tables
    (panel,) = learned.learned({"a": tables.layers, "b": tables.layers}, {"prelu": "prelu"}).axes
    assert panel.get_title(loc="left") == "prelu  weight"
    at_start, at_end = panel.lines[:2]
    assert list(at_start.get_ydata()) == pytest.approx([0.25] * 3)
    assert list(at_end.get_ydata()) == pytest.approx([0.25 - 0.05 * i * np.log10(1001) for i in (1, 2, 3)])
    assert len(panel.lines) == 4


def test_a_long_learned_vector_is_drawn_as_its_mean() -> None:
    tables = synthetic.tables(["prelu"], seeds=2)
    entries = {f"act.weight[{i}]": float(i) for i in range(64)}
    table = tables.layers.drop(columns="act.weight").assign(**entries)
    figure = draw(learned.learned, tables._replace(layers=table))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["prelu  weight (mean of 64)"]
    assert figure.axes[0].lines[0].get_ydata()[0] == 31.5


def test_no_line_joins_the_layers_of_two_networks() -> None:
    """The generator's one layer and the discriminator's two: the axis says which layers belong to which."""
    names = ["generator.0", "discriminator.0", "discriminator.1"]
    keys = {"run_id": "r", "seed": 0, "step": 0, "layer": names, "layer_index": [1, 2, 3]}
    table = pd.DataFrame({"variant": "f", **keys, "saturation_low": [0.5, 0, 0], "saturation_high": [0, 0.1, 0.2]})
    figure = layers.saturation({"": table}, {"f": "f"})
    assert figure is not None
    assert figure.get_supxlabel() == "layer (generator 1, discriminator 2 to 3), at initialisation"
    for panel in figure.axes:
        assert [list(line.get_xdata()) for line in panel.lines] == [[1], [2, 3]]
    figure = layers.saturation({"": table.assign(layer=["a.0", "a.1", "a.2"])}, {"f": "f"})
    assert figure is not None
    (joined,) = figure.axes[0].lines
    assert list(joined.get_xdata()) == [1, 2, 3]


def test_a_log_axis_holds_what_it_can_and_lets_one_explosion_leave_the_panel() -> None:
    scale = series.Scale("x", mpl.colors.LogNorm(1e-6, 1), "viridis", (1,))
    assert scale.is_flat(pd.Series([0.0, 1.0, 1.05]))
    assert not scale.is_flat(pd.Series([0.0, 1.0, 1.2]))
    panel = Figure().add_subplot()
    axes.log_y(panel, [pd.Series([0.01]), pd.Series([0.02]), pd.Series([1e30])])
    assert panel.get_ylim()[1] < 10
