"""The command from the outside: help, errors, exit codes, a run, a sweep."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from loud import CHANGES, IMPORTS

import actbench
from actbench.__main__ import main
from actbench.command.options import GROUPS, describe, options
from actbench.tables import store

RESOURCES = f"threads=1, device={'cuda' if torch.cuda.is_available() else 'cpu'}"
TINY = ["num_seeds=2", "train.epochs=1", "data.num_train=128", "model.width=16"]


def _command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "actbench", *arguments],
        capture_output=True, text=True, timeout=120, env=os.environ | environment,
    )  # fmt: skip


def test_help_lists_every_option_on_a_line_of_its_own(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    joined = re.sub(r"\n {5,}", " ", text)  # a description that takes several lines
    lines = [re.sub(r" {2,}", "  ", line.strip()) for line in joined.splitlines()]
    for group in (*GROUPS, "experiment"):
        for name, path in options(group).items():
            assert f"{name}  {describe(path)}" in lines


def test_help_and_errors_do_not_import_torch():
    code = (
        "import sys; from actbench.__main__ import main; "
        "codes = [main(['--help']), main([]), main(['+act=mishh']), main(['+act=mish', 'train.epochs=0'])]; "
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy', 'sklearn'} & set(sys.modules); "
        "print(codes, heavy, file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.stderr.splitlines()[-1] == "[0, 2, 2, 2] set()"


def test_help_answers_within_a_second():
    """The best of three tries, since the machine may be busy."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        assert _command("--help").returncode == 0
        times.append(time.perf_counter() - start)
    assert min(times) < 1


def test_version_is_ours(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"actbench {actbench.__version__}\n"


RENAMED = sorted(path.stem for path in (Path(actbench.__file__).parent / "renamed").glob("*.py"))


@pytest.mark.parametrize("name", RENAMED)
def test_a_command_of_the_first_edition_answers_with_its_new_name(name):
    """The new name is a command that there is."""
    old = subprocess.run([sys.executable, "-m", f"actbench.{name}"], capture_output=True, text=True, timeout=60)
    assert old.returncode == 1
    new = re.fullmatch(rf"python -m actbench\.{name} is now python -m actbench\.(\w+)( --\w+)?\.\n", old.stderr)
    assert new is not None
    assert (Path(actbench.__file__).parent / new[1] / "__main__.py").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["+act=mishh"], "actbench: There is no act=mishh: did you mean mish?\n"),
        (
            ["+act=mish", "device=cuda"],
            "actbench: device=cuda, but torch finds no such device here: give device=cpu or device=auto.\n",
        ),
        (
            ["+act=custom", "act._target_=builtins.len"],
            "actbench: act=custom returns int: an activation takes a tensor and returns a tensor.\n",
        ),
    ],
)
def test_a_bad_command_is_one_sentence_and_leaves_nothing(arguments, sentence, capsys, tmp_path):
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_command_exits_with_2():
    process = _command("+act=mish", "train.epochs=-1")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == "actbench: train.epochs=-1 is out of range: it must be a whole number, 1 or more.\n"
    assert not Path("results").exists()


def test_a_run_prints_its_results_and_the_report_and_imports_no_compiler():
    """Nor scikit-learn. In a process of its own: here a test may have imported them."""
    code = (
        "import sys; from actbench.__main__ import main; code = main(sys.argv[1:]); "
        "print(code, {'torch._dynamo', 'sklearn'} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "+act=mish", *TINY]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.stderr == "0 set()\n"
    lines = process.stdout.splitlines()
    assert re.split(r" {2,}", lines[0]) == [
        "activation", "test accuracy (%)", "test loss (nats)", "s/seed", "n",
    ]  # fmt: skip
    assert re.split(r" {2,}", lines[1])[0] == "mish"
    assert re.split(r" {2,}", lines[1])[-1] == "2"
    assert max(map(len, lines)) <= 100
    assert "the shipped digits_mlp has " in " ".join(process.stdout.split())  # other settings, since the run is tiny
    assert lines[-1] == "Report: results/adhoc/report.html"
    assert Path("results/adhoc/report.md").is_file()
    assert Path(lines[-1].removeprefix("Report: ")).read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in Path("results").iterdir()) == ["adhoc"]
    assert sorted(path.name for path in Path("results/adhoc").iterdir()) == [
        "figures", "report.html", "report.md", "runs", "statistics", "tables",
    ]  # fmt: skip


def test_the_config_can_be_shown_without_a_run(capsys, tmp_path):
    assert main(["+act=elu", "act.alpha=0.5", "--cfg", "job", "--package", "act"]) == 0
    assert capsys.readouterr().out == "# @package act\n_target_: torch.nn.ELU\nalpha: 0.5\n"
    assert list(tmp_path.iterdir()) == []


MINE = """
def square(z):
    return z.clamp(-3, 3).square()

def fails(z):
    if z.requires_grad and z.shape[0] == 64 and not os.path.exists("mended"):
        raise RuntimeError("not today")
    return z
"""


@pytest.mark.xdist_group("workers")
@pytest.mark.usefixtures("workers", "undrawn")
def test_a_sweep_goes_on_after_a_failed_run_and_the_same_command_finishes_it(capsys):
    """In worker processes, whose global state its file changes; without them the numbers are the same."""
    Path("mine.py").write_text(IMPORTS + "\n".join(CHANGES) + MINE)
    arguments = ["-m", "+act=custom", "act._target_=mine.fails,mine.square,torch.nn.RReLU", *TINY]
    assert main(arguments) == 1
    runs, epochs, layers = store.collect("results/adhoc")
    statuses = {"fails": "failed", "square": "done", "RReLU": "done"}
    assert dict(zip(runs["act"], runs["status"], strict=True)) == statuses
    (folder,) = Path("results/adhoc/runs").glob("*.failed")
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"Sweep: 3 runs; each {RESOURCES}."
    assert err == f"failed: RuntimeError: not today\n  traceback: {folder}/traceback.txt\n"
    assert 'raise RuntimeError("not today")' in (folder / "traceback.txt").read_text()

    # Mend the failure without changing the activation's file, whose text is part of the run's identity.
    Path("mended").touch()
    assert main([*arguments, "hydra/launcher=basic"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"Sweep: 3 runs, 2 of them measured already; each {RESOURCES}."
    assert err == ""
    runs = store.collect("results/adhoc").runs
    assert dict(zip(runs["act"], runs["status"], strict=True)) == dict.fromkeys(statuses, "done")

    assert main([*arguments, "hydra/launcher=basic", "output.name=basic"]) == 0
    alone = store.collect("results/basic")
    for frame, other in ((epochs, alone.epochs), (layers, alone.layers)):
        other = other[other["run_id"].isin(set(frame["run_id"]))].reset_index(drop=True)
        pd.testing.assert_frame_equal(_without_clocks(frame), _without_clocks(other))


def _without_clocks(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[name for name in frame if name.endswith("_seconds")])


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_compares_its_jobs_in_one_report(capsys):
    assert main(["-m", "+act=relu", "model.depth=1,2", "hydra/launcher=basic", *TINY]) == 0
    assert capsys.readouterr().err == ""
    runs = store.collect("results/adhoc").runs
    assert sorted(runs["model.depth"]) == [1, 1, 2, 2]  # on two seeds
    report = Path("results/adhoc/report.md").read_text()
    assert "model.depth=1" in report
    assert "model.depth=2" in report


@pytest.mark.slow
def test_a_sweep_finishes_when_nobody_reads_its_output():
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "actbench", "-m", "+act=relu,tanh", "hydra/launcher=basic", *TINY]
    process = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write_end)
    assert (process.returncode, process.stderr) == (0, "")
    assert len(store.collect("results/adhoc").runs) == 4
    assert Path("results/adhoc/report.html").is_file()
