"""The figures of generated images with one and with many activations, and with bytes that are not a picture."""

import functools
import io

import matplotlib as mpl
import numpy as np
import pytest
import synthetic
from PIL import Image

from actbench.compare.workloads import workloads
from actbench.figures import layers, samples, style
from actbench.figures.training import labels, learning_curves, ranking
from actbench.tables.schema import Tables


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(36 * 72, dtype=np.uint8).reshape(36, 72)).save(file, "png")
    return file.getvalue()


def _gan_tables(names: list[str], *, seeds: int) -> Tables:
    """Tables of GANs, with a picture for the first seed of each."""
    tables = synthetic.tables(names, seeds=seeds, epochs=3)
    rng = np.random.default_rng(0)

    def with_random(frame, *columns):
        return frame.assign(**{name: rng.uniform(0.1, 0.9, len(frame)) for name in columns})

    sparsity = ("input_grad_hoyer", "generator_grad_hoyer")
    without = dict.fromkeys(("test_loss", "test_accuracy", "val_loss", "train_loss"), np.nan)
    runs = with_random(tables.runs, "test_fld", "test_fld_floor", "test_ndb", *sparsity)
    runs = runs.assign(picture=[_png() if seed == 0 else None for seed in runs["seed"]], **without)
    epochs = with_random(tables.epochs, "val_fld", *sparsity)
    epochs = epochs.assign(**{name: value for name, value in without.items() if name in tables.epochs})
    return Tables(runs, epochs, with_random(tables.layers, "grad_zero", "grad_hoyer"))


@functools.cache  # for all figures
def _workload(count: int, seeds: int) -> Tables:
    return workloads(_gan_tables(synthetic.NAMES[:count], seeds=seeds))[0].tables


FRAMES = {
    ranking: "runs",
    learning_curves: "epochs",
    samples.sheets: "runs",
    layers.gradient_sparsity: "layers",
    samples.sparsity_over_time: "epochs",
    samples.sparsity_and_quality: "runs",
}


@pytest.mark.parametrize("figure", FRAMES)
@pytest.mark.parametrize(("count", "seeds"), [(1, 1), (9, 2), pytest.param(35, 2, marks=pytest.mark.slow)])
def test_every_figure_draws(figure, count, seeds):
    tables = _workload(count, seeds)
    with mpl.rc_context(style.style()):
        result = figure({"": getattr(tables, FRAMES[figure])}, labels(tables.runs, synthetic.NAMES[:count]))
    assert result.get_figwidth() == style.WIDTH
    assert result.get_figheight() < 10.7
    result.draw_without_rendering()


def test_a_sheet_shows_the_pixels_of_the_first_picture():
    runs = workloads(_gan_tables(["relu", "tanh"], seeds=3))[0].tables.runs
    figure = samples.sheets({"": runs}, {"relu": "relu", "tanh": "tanh"})
    for panel in figure.axes:
        (image,) = panel.get_images()
        np.testing.assert_allclose(
            image.get_array() * 255, np.arange(36 * 72, dtype=np.uint8).reshape(36, 72), atol=1e-3
        )


@pytest.mark.parametrize("picture", [b"", b"GIF89a", _png()[:60], "text"])
def test_the_panel_of_a_picture_that_is_not_a_png_file_says_so(picture):
    runs = workloads(_gan_tables(["relu"], seeds=1))[0].tables.runs.assign(picture=[picture])
    figure = samples.sheets({"": runs}, {"relu": "relu"})
    assert figure.axes[0].texts[0].get_text() == "no PNG file"


def test_a_dotted_line_in_the_ranking_is_the_floor():
    runs = workloads(_gan_tables(["relu", "tanh"], seeds=2))[0].tables.runs
    figure = ranking({"": runs}, {"relu": "relu", "tanh": "tanh"})
    dotted = [line for panel in figure.axes for line in panel.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == pytest.approx([runs["test_fld_floor"].mean()])


def test_only_sparsities_that_were_measured_are_drawn():
    tables = workloads(_gan_tables(["relu", "tanh"], seeds=2))[0].tables
    names = {"relu": "relu", "tanh": "tanh"}
    without = {"generator_grad_hoyer": np.nan}
    assert len(samples.sparsity_and_quality({"": tables.runs}, names).axes) == 2
    assert len(samples.sparsity_and_quality({"": tables.runs.assign(**without)}, names).axes) == 1
    over_time = samples.sparsity_over_time({"": tables.epochs.assign(**without)}, names)
    assert [panel.get_ylabel() for panel in over_time.axes] == ["∂D/∂x: sparsity\n(Hoyer)"]
