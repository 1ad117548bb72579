"""The figures of generated images at one and at many activations, and with what a stranger's tables may hold."""

import io

import matplotlib as mpl
import numpy as np
import pytest
import synthetic
from PIL import Image

from actbench.compare.workloads import workloads
from actbench.figures import samples, style
from actbench.figures.training import labels, learning_curves, ranking
from actbench.tables.schema import Tables


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(36 * 72, dtype=np.uint8).reshape(36, 72)).save(file, "png")
    return file.getvalue()


def _made(names: list[str], *, seeds: int) -> Tables:
    """Tables of GANs, the first seed of each with a picture."""
    made = synthetic.tables(names, seeds=seeds, epochs=3)
    rng = np.random.default_rng(0)

    def drawn(frame, *columns):
        return frame.assign(**{name: rng.uniform(0.1, 0.9, len(frame)) for name in columns})

    sparse = ("input_grad_hoyer", "generator_grad_hoyer")
    lost = dict.fromkeys(("test_loss", "test_accuracy", "val_loss", "train_loss"), np.nan)
    runs = drawn(made.runs, "test_fld", "test_fld_floor", "test_ndb", *sparse)
    kept = {name: value for name, value in lost.items() if name in made.epochs}
    runs = runs.assign(picture=[_png() if seed == 0 else None for seed in runs["seed"]], **lost)
    return Tables(
        runs, drawn(made.epochs, "val_fld", *sparse).assign(**kept), drawn(made.layers, "grad_zero", "grad_hoyer")
    )


FRAMES = {
    ranking: "runs",
    learning_curves: "epochs",
    samples.sheets: "runs",
    samples.gradient_sparsity: "layers",
    samples.sparsity_over_time: "epochs",
    samples.sparsity_and_quality: "runs",
}


@pytest.mark.parametrize("figure", FRAMES)
@pytest.mark.parametrize(("count", "seeds"), [(1, 1), (9, 2), pytest.param(35, 2, marks=pytest.mark.slow)])
def test_every_figure_draws(figure, count, seeds):
    tables = workloads(_made(synthetic.NAMES[:count], seeds=seeds))[0].tables
    with mpl.rc_context(style.style()):
        drawn = figure(getattr(tables, FRAMES[figure]), labels(tables.runs, synthetic.NAMES[:count]))
    assert drawn.get_figwidth() == style.WIDTH
    assert drawn.get_figheight() < 10.7
    drawn.draw_without_rendering()


def test_a_sheet_shows_the_pixels_of_the_first_picture():
    runs = workloads(_made(["relu", "tanh"], seeds=3))[0].tables.runs
    figure = samples.sheets(runs, {"relu": "relu", "tanh": "tanh"})
    for panel in figure.axes:
        (image,) = panel.get_images()
        np.testing.assert_allclose(
            image.get_array() * 255, np.arange(36 * 72, dtype=np.uint8).reshape(36, 72), atol=1e-3
        )


@pytest.mark.parametrize("picture", [b"", b"GIF89a", _png()[:60], "text"])
def test_what_is_no_png_file_is_said(picture):
    runs = workloads(_made(["relu"], seeds=1))[0].tables.runs.assign(picture=[picture])
    figure = samples.sheets(runs, {"relu": "relu"})
    assert figure.axes[0].texts[0].get_text() == "no PNG file"


def test_the_ranking_shows_the_floor():
    runs = workloads(_made(["relu", "tanh"], seeds=2))[0].tables.runs
    figure = ranking(runs, {"relu": "relu", "tanh": "tanh"})
    dotted = [line for panel in figure.axes for line in panel.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == pytest.approx([runs["test_fld_floor"].mean()])
