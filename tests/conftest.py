"""Fixtures: one thread, an empty folder for each test, and tiny runs.

Fixtures import what they need: the process that hands the tests out to pytest-xdist's workers loads this file too, and
the workers start after it.
"""

import functools
import gc
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    import pandas as pd

    from actbench.command.job import Job
    from actbench.tables.schema import Tables

REAL_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
hypothesis.settings.register_profile("same each time", derandomize=True, database=None, deadline=None, max_examples=60)
hypothesis.settings.load_profile("same each time")
TINY = ["num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16", "model.depth=2"]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported stays until the end: to look through it again and again for garbage takes time."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)
    gc.enable()
    return result


@pytest.fixture(scope="session")
def score_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("score")


@pytest.fixture(autouse=True)
def _test_folder(tmp_path, monkeypatch, score_cache):
    """Run each test in an empty folder, where its results go. The score network is quick to train, and shared."""
    import torch

    from actbench.measure.sample_quality import score

    monkeypatch.setattr(score, "FOLDER", score_cache)
    monkeypatch.setitem(score.RECIPE, "steps", 60)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ACTBENCH_DATA", raising=False)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def _workers_folder(tmp_path_factory):
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
    yield tmp_path_factory.mktemp("workers")
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def workers(_workers_folder, monkeypatch):
    """The folder of joblib's workers, which stay where they started: to start them takes longer than all they do.

    Tests that use them are of one group, so that the same ones serve them all.
    """
    monkeypatch.chdir(_workers_folder)


@pytest.fixture
def unrendered(monkeypatch):
    """The figures of a report are drawn, but their files are empty: to render them takes half of its time."""
    monkeypatch.setattr("actbench.figures.style.save", lambda figure, path: path.touch())


@pytest.fixture
def undrawn(monkeypatch):
    """The figures of a report are empty files, and not even drawn: for tests of what is beside them."""
    leave_undrawn(monkeypatch)


def leave_undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    from actbench.figures import comparison, differences, style, tracks
    from actbench.ledger import figure
    from actbench.report import measures
    from actbench.report.sections import training

    def no_drawing(draw):
        return functools.wraps(draw)(lambda *args, **kwargs: Figure())

    monkeypatch.setattr(style, "save", lambda figure, path: path.touch())
    for module, name in ((training, "RANKINGS"), (training, "PLOTS"), (measures, "MEASURES")):
        drawn = tuple(replace(each, draw=no_drawing(each.draw)) for each in getattr(module, name))
        monkeypatch.setattr(module, name, drawn)
    for module in (comparison, differences, figure, tracks):
        for name, draw in inspect.getmembers(module, inspect.isfunction):
            if draw.__module__ == module.__name__:
                monkeypatch.setattr(module, name, no_drawing(draw))


@pytest.fixture(scope="session")
def invented_results(tmp_path_factory) -> Path:
    """A results folder of invented tables with its report, whose figures are not drawn."""
    import audit

    from actbench.report import results_folder

    folder = tmp_path_factory.mktemp("results") / "invented"
    audit.invent(folder)
    with pytest.MonkeyPatch.context() as patch:
        leave_undrawn(patch)
        results_folder.write(folder)
    return folder


@pytest.fixture(scope="session")
def distances() -> "pd.DataFrame":
    """The catalogue's table of distances, for tests of the group `functions`."""
    from actbench.catalogue import distances

    return distances.distances()


@pytest.fixture
def folder(request) -> Path:
    """A published results folder, or without one the invented one."""
    return request.param or request.getfixturevalue("invented_results")


@pytest.fixture
def real_data() -> Path:
    """The real data files, beside the checkout."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"The real data files are not in {REAL_DATA}.")
    return REAL_DATA


@pytest.fixture
def job_of() -> "Callable[..., Job]":
    """Returns the one job of a command line, checked as the command checks it."""
    from actbench.command import compose
    from actbench.measure import preflight

    def make(*overrides: str) -> "Job":
        job = compose.job_from(list(overrides))
        preflight.check([job])
        return job

    return make


@pytest.fixture
def measured() -> "Callable[[Job], Tables]":
    """Runs a job and returns its tables."""
    from actbench.measure import identity, run
    from actbench.tables import schema, store

    def run_job(job: "Job") -> "Tables":
        run.run(job, show_progress=False)
        tables, name = store.collect(job.folder), identity.run_id(job)
        return schema.Tables(*(frame[frame["run_id"] == name].reset_index(drop=True) for frame in tables))

    return run_job


@pytest.fixture
def measure(job_of, measured) -> "Callable[..., Tables]":
    """Runs the one job of a command line, with the tiny settings that it does not set itself; returns its tables."""

    def run_job(*overrides: str, tiny: bool = True) -> "Tables":
        keys = {override.split("=")[0] for override in overrides}
        return measured(
            job_of(*overrides, *(override for override in TINY if tiny and override.split("=")[0] not in keys))
        )

    return run_job
