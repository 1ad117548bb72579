"""Fixtures: one thread, a folder of its own for each test, and the smallest run that is still a run."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from actbench.command import compose
from actbench.command.job import Job
from actbench.measure import check, identity, run
from actbench.measure.sample_quality import score
from actbench.tables import schema, store

REAL_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
TINY = ["num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16", "model.depth=2"]


@pytest.fixture(scope="session")
def score_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("score")


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch, score_cache):
    """Each test works in an empty folder; results land there. A score network is trained in a moment, once."""
    monkeypatch.setattr(score, "FOLDER", score_cache)
    monkeypatch.setitem(score.RECIPE, "steps", 60)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ACTBENCH_DATA", raising=False)
    torch.set_num_threads(1)


@pytest.fixture
def real_data() -> Path:
    """The real data files, beside the checkout."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"The real data files are not in {REAL_DATA}.")
    return REAL_DATA


@pytest.fixture
def job_of() -> Callable[..., Job]:
    """The one job that a command line stands for, checked as the command does."""

    def make(*overrides: str) -> Job:
        job = compose.read(list(overrides))
        check.check([job])
        return job

    return make


@pytest.fixture
def measure(job_of) -> Callable[..., schema.Tables]:
    """Run a command line's one job, tiny unless told otherwise, and read what it landed."""

    def make(*overrides: str, tiny: bool = True) -> schema.Tables:
        given = {text.split("=")[0] for text in overrides}
        job = job_of(*overrides, *(text for text in TINY if tiny and text.split("=")[0] not in given))
        run.run(job, show_progress=False)
        found, name = store.collect(job.folder), identity.run_id(job)
        return schema.Tables(*(frame[frame["run_id"] == name].reset_index(drop=True) for frame in found))

    return make
