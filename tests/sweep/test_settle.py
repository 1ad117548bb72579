"""hydra/sweeper=settle: seeds are added where something is open, and only there, also after a kill."""

import shlex
from pathlib import Path

import commands
import joblib
import pytest
import synthetic

from actbench.__main__ import main
from actbench.command.options import ConfigError
from actbench.measure import run
from actbench.measure.train import History
from actbench.sweep import settle
from actbench.tables import store

FOLDER = Path("results/mine")
LINE = (
    "-m +act=relu,tanh,gelu hydra/sweeper=settle looks=[2,4,6] num_seeds=2 output.name=mine train.epochs=1 "
    "probes=none device=cpu hydra/launcher=basic"
)
# Errors by seed. tanh's are twice relu's; gelu's straddle the margin, so that no number of seeds decides.
ERRORS = {
    "relu": [0.1, 0.101, 0.1, 0.101, 0.1, 0.101],
    "tanh": [0.2, 0.2012, 0.2, 0.2012, 0.2, 0.2012],
    "gelu": [0.2, 0.1, 0.12, 0.11, 0.2, 0.05],
}
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def _invented(monkeypatch):
    """Runs have invented errors."""
    run_it = run.run

    def measure_seed(job, seed, *_):
        error = ERRORS[job.choices["act"]][seed]
        measures = dict.fromkeys(("val_accuracy", "test_accuracy"), 1 - error)
        return {"status": "done", "test_loss": error, "val_loss": error, "train_seconds": 1800.0, **measures}, History()

    monkeypatch.setattr(run, "run", lambda job, **options: run_it(job, **options, measure_seed=measure_seed))


def _seeds() -> dict[str, list[int]]:
    runs = store.collect(FOLDER).runs
    return {str(act): sorted(rows["seed"]) for act, rows in runs.groupby("act")}


@pytest.mark.usefixtures("_invented")
def test_what_is_open_gets_more_seeds_and_what_is_decided_does_not(monkeypatch, capsys):
    calls, run_it = [], run.run

    def stopped(job, **options):
        calls.append(job)
        if len(calls) == 5:  # within the second look
            raise KeyboardInterrupt
        run_it(job, **options)

    with monkeypatch.context() as patched:
        patched.setattr(run, "run", stopped)
        assert main(LINE.split()) == 130
    assert main(LINE.split()) == 0
    assert _seeds() == {"relu": [0, 1, 2, 3, 4, 5], "gelu": [0, 1, 2, 3, 4, 5], "tanh": [0, 1]}
    out = capsys.readouterr().out
    assert "Look 1 of 3, 2 seeds: 1 of 2 comparisons are open: gelu" in out
    assert "The next look, 4 seeds: 2 runs, about 2.0 hours." in out  # two packs of two seeds, half an hour each
    assert "Look 3 of 3, 6 seeds: 0 of 2 comparisons are open; 1 stayed undecided at the last look" in out

    before = store.collect(FOLDER).runs
    assert main(LINE.split()) == 0
    assert len(store.collect(FOLDER).runs) == len(before)


@pytest.mark.usefixtures("_invented")
def test_what_may_have_changed_unseen_is_measured_anew_at_every_look(monkeypatch):
    assert main(LINE.split()) == 0
    calls, run_it = [], run.run

    def counted(job, **options):
        calls.append((job.choices["act"], job.config.seed))
        run_it(job, **options)

    monkeypatch.setattr(run, "run", counted)
    monkeypatch.setattr(run, "_doubts", lambda job: {"mine.f": "why"} if job.choices["act"] == "gelu" else {})
    assert main(LINE.split()) == 0
    assert calls == [("gelu", 0), ("gelu", 2), ("gelu", 4)]


def test_the_next_look_costs_what_it_takes_on_all_cores():
    settling = settle.Settling([([], job) for job in commands.jobs("+act=relu", "num_seeds=10")])
    tables = synthetic.tables(["relu"], seeds=10)
    tables = tables._replace(runs=tables.runs.assign(train_seconds=360.0 * joblib.cpu_count()))
    (setting,) = settling.all_settings()
    assert settling.cost([setting], look=1, tables=tables, n_jobs=-1) == "1 run, about 1.0 hours"


@pytest.mark.usefixtures("_invented")
def test_where_all_is_decided_no_second_look_is_taken(capsys):
    assert main(LINE.replace(",gelu", "").split()) == 0
    assert _seeds() == {"relu": [0, 1], "tanh": [0, 1]}
    assert "Look 1 of 3, 2 seeds: 0 of 1 comparisons are open" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("+act=relu,tanh num_seeds=3", "num_seeds=3 must divide each look, looks=[10, 20, 40]."),
        ("+act=relu seed=0,8 num_seeds=5", "seed=8 with num_seeds=5 is beyond the first look, looks=[10, 20, 40]"),
        ("+act=relu output.name=mine,yours", "hydra/sweeper=settle is for one results folder with one list of looks."),
    ],
)
def test_packs_that_do_not_end_at_a_look_are_refused(line, sentence):
    with pytest.raises(ConfigError) as error:
        settle.check(commands.jobs(*shlex.split(line)))
    assert str(error.value).startswith(sentence)
