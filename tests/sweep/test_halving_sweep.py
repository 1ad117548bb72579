"""hydra/sweeper=halving from its command to its report: it tunes, goes on after a kill, and refuses the rest."""

import functools
import shlex
from pathlib import Path

import commands
import pandas as pd
import pytest

from actbench.__main__ import main
from actbench.command.job import Job
from actbench.command.options import ConfigError
from actbench.measure import run
from actbench.report.__main__ import main as report_main
from actbench.sweep import halving
from actbench.tables import store
from actbench.tables.tuning import Setting

pytestmark = pytest.mark.usefixtures("undrawn")
FOLDER = Path("results/mine")
TINY = "num_seeds=9 train.epochs=1 data.num_train=128 model.width=16 model.depth=1 probes=none device=cpu"
AXES = "optim.lr=0.003,0.01,0.1 init=torch,lsuv"
RUNGS = "hydra.sweeper.rungs=[1,2] hydra.sweeper.keep=[1]"
LINE = f"-m +act=relu seed=1000 {AXES} hydra/sweeper=halving {RUNGS} hydra/launcher=basic output.name=mine {TINY}"


def test_a_tuning_that_was_stopped_goes_on_and_chooses_what_its_runs_say(monkeypatch, capsys):
    calls, run_it = [], run.run

    def stopped(job, **options):
        calls.append(job)
        if len(calls) == 3:
            raise KeyboardInterrupt
        run_it(job, **options)

    with monkeypatch.context() as patched:
        patched.setattr(run, "run", stopped)
        assert main(LINE.split()) == 130
    err = capsys.readouterr().err.splitlines()[-1]
    assert err == "actbench: Stopped. 2 of 6 runs are measured and kept: the same command goes on from there."
    assert main(LINE.split()) == 0

    runs = store.collect(FOLDER).runs
    first = runs[runs["seed"] == 1000].assign(error=1 - runs["val_accuracy"])
    assert len(first.drop_duplicates(["optim.lr", "init"])) == len(first)
    grid = first[first["optim.lr"] <= 0.1].sort_values(["error", "val_loss"])
    best = {tuple(grid.iloc[0][["optim.lr", "init"]]), (0.003, "torch")}
    second = runs[runs["seed"] == 1001].assign(error=1 - runs["val_accuracy"])
    assert set(map(tuple, second[["optim.lr", "init"]].to_numpy())) >= best
    both = runs.assign(error=1 - runs["val_accuracy"]).groupby(["optim.lr", "init"])[["error", "val_loss"]]
    means = both.mean()[both.size() == 2].round(12).sort_values(["error", "val_loss"])
    (chosen,) = pd.read_csv(FOLDER / "statistics" / "tuning.csv").to_dict("records")
    assert (chosen["lr"], chosen["init"]) == means.index[0]
    assert chosen["val_error"] == pytest.approx(means["error"].iloc[0])
    assert (chosen["act"], chosen["num_seeds"], chosen["is_shared"]) == ("relu", 2, means.index[0] == (0.003, "torch"))

    before = store.collect(FOLDER).runs
    capsys.readouterr()
    assert main(LINE.split()) == 0
    assert "Tuning: settings are chosen for 1 activation.\n" in capsys.readouterr().out
    pd.testing.assert_frame_equal(store.collect(FOLDER).runs, before)

    assert report_main(["--tuned", str(FOLDER)]) == 0
    assert f"relu        {chosen['lr']:g}" in capsys.readouterr().out
    page = (FOLDER / "report.md").read_bytes()
    assert report_main([str(FOLDER)]) == 0
    assert (FOLDER / "report.md").read_bytes() == page
    assert f"| relu | {chosen['lr']:g} | {chosen['init']} |" in page.decode()


def test_a_run_that_fails_stops_its_activation_alone_and_is_tried_again(monkeypatch, capsys):
    run_it = run.run

    def failing(job, **options):
        def broken(*arguments):
            raise RuntimeError("no luck")

        broken = broken if job.choices["act"] == "tanh" and job.config.optim.lr == 0.1 else None
        run_it(job, **options, measure_seed=broken)

    line = LINE.replace("+act=relu", "+act=relu,tanh").replace("init=torch,lsuv", "init=torch")
    with monkeypatch.context() as patched:
        patched.setattr(run, "run", failing)
        assert main(line.split()) == 1
    assert "failed: RuntimeError: no luck" in capsys.readouterr().err
    assert list(pd.read_csv(FOLDER / "statistics" / "tuning.csv")["act"]) == ["relu"]
    assert "> Not finished, the same command goes on: tanh." in (FOLDER / "report.md").read_text()
    assert main(line.split()) == 0
    assert list(pd.read_csv(FOLDER / "statistics" / "tuning.csv")["act"]) == ["relu", "tanh"]


JOBS = f"+act=relu seed=1000 output.name=mine {AXES}"


@functools.cache
def _jobs(line: str) -> list[Job]:
    return commands.jobs(*shlex.split(line))


@pytest.mark.parametrize(
    ("line", "asked", "sentence"),
    [
        (JOBS, {"rungs": []}, "hydra.sweeper.rungs=[] must be whole numbers, each larger than the one before"),
        (JOBS, {"rungs": 5}, "hydra.sweeper.rungs=5 must be whole numbers, each larger than the one before"),
        (JOBS, {"keep": None}, "hydra.sweeper.keep=null must be a whole number, 1 or more, for each rung but"),
        (JOBS, {"rungs": [4, 2]}, "hydra.sweeper.rungs=[4,2] must be whole numbers, each larger"),
        (JOBS, {"rungs": [1, "x"]}, "hydra.sweeper.rungs=[1,x] must be whole numbers, each larger"),
        (JOBS, {"keep": [6, 2]}, "hydra.sweeper.keep=[6,2] must be a whole number, 1 or more, for each rung but"),
        (JOBS, {"keep": [0]}, "hydra.sweeper.keep=[0] must be a whole number, 1 or more, for each rung but"),
        (f"{JOBS} model.depth=2,3", {}, "model.depth has several values in a tuning: give each a command and an"),
        (JOBS.replace("1000", "1000,1010"), {}, "seed has several values in a tuning: give each a command and an"),
        (JOBS.replace("mine", "mine,yours"), {}, "output.name has several values in a tuning: give each a command"),
        (JOBS.replace("1000", "999"), {}, "seed=999 is the first seed of a tuning: give 1000 or more, since the"),
        (JOBS.replace("0.003,", ""), {}, "The shared track's setting, optim.lr=0.003, init=torch, is not on the axes"),
        (JOBS.replace("torch,", ""), {}, "The shared track's setting, optim.lr=0.003, init=torch, is not on the axes"),
        (JOBS.replace("mine", "adhoc"), {}, "hydra/sweeper=halving needs a results folder of its own: give output."),
    ],
)
def test_what_is_no_tuning_is_refused_with_a_sentence(line, asked, sentence):
    asked = {"rungs": [1, 2], "keep": [1], "shared": Setting(0.003, "torch")} | asked
    with pytest.raises(ConfigError) as error:
        halving.tuning_of(_jobs(line), **asked)
    assert str(error.value).startswith(sentence)


def test_a_tuning_is_refused_before_the_first_run(capsys):
    assert main(LINE.replace("seed=1000", "seed=0").split()) == 2
    assert capsys.readouterr().err.startswith("actbench: seed=0 is the first seed of a tuning")
    assert not Path("results").exists()


def test_rungs_that_are_no_list_are_refused(capsys):
    assert main(LINE.replace("rungs=[1,2]", "rungs=5").split()) == 2
    assert capsys.readouterr().err.startswith("actbench: hydra.sweeper.rungs=5 must be whole numbers")


def test_a_tuning_does_not_take_what_another_chose(capsys):
    path = Path("results/x/statistics/tuning.csv")
    path.parent.mkdir(parents=True)
    path.write_text("act,parameters,lr,init\nrelu,{},0.01,lsuv\n")
    assert main([*LINE.split(), "track=tuned", "tuning=x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("actbench: optim.lr=tuned, init=tuned takes what a tuning chose, but hydra/sweeper=halving")
    assert err.count("\n") == 1


def test_an_experiment_may_name_its_sweeper_and_the_command_another():
    one = ("+experiment=digits_mlp_tuning", "+act=relu")
    assert commands.sweep(*one)[0].runtime.choices["hydra/sweeper"] == "halving"
    hydra, _ = commands.sweep(*one, "hydra/sweeper=actbench")
    assert hydra.runtime.choices["hydra/sweeper"] == "actbench"
