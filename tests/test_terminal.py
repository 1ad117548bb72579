"""What commands print fits a terminal of 100 columns: every line of every table, cheap commands run as a user does."""

from pathlib import Path

import pandas as pd
import pytest
import synthetic
import torch
from pages import concatenated

from actbench.__main__ import main
from actbench.catalogue import cost, printed
from actbench.catalogue.__main__ import main as catalogue_main
from actbench.ledger.__main__ import main as ledger_main
from actbench.report import console
from actbench.report.__main__ import main as report_main
from actbench.tables import functions, store
from benchmarks.speed import report as speed

RESULTS = Path(__file__).resolve().parents[1] / "results"
TINY = ["num_seeds=1", "train.epochs=1", "data.num_train=128", "model.width=16", "hydra/launcher=basic"]
LONG = "a_function_whose_name_says_all_that_there_is_to_say_about_it alpha="


def widest(text: str) -> int:
    lines = text.splitlines()
    assert len(lines) > 3  # there is something to measure
    return max(map(len, lines))


@pytest.mark.usefixtures("undrawn")
def test_a_sweep(capsys):
    assert main(["-m", "+act=relu,binary_step_straight_through", "model.gate=true", *TINY]) == 0
    assert widest(capsys.readouterr().out) <= 100


@pytest.mark.parametrize("folder", ["mean_drift", "linear_collapse"])
def test_published_tables(folder):
    tables = store.collect(RESULTS / folder)
    first = tables.runs.groupby("act")["run_id"].first()
    assert widest(console.text(tables, run_ids=set(first))) <= 100


def test_a_gan():
    tables = synthetic.tables(["relu", "leaky_relu negative_slope=0.01"], seeds=3)
    measures = {
        "test_fld": 12.3456789,
        "test_kid": 0.0123456,
        "test_ndb": 0.4567,
        "test_modes": 9.8,
        "test_fld_floor": 1.1,
    }
    nothing = dict.fromkeys(["test_loss", "test_accuracy", "val_loss", "val_accuracy"])
    noise = 1 + 0.1 * (tables.runs["seed"] + 1) / 7
    runs = tables.runs.assign(**{name: value * noise for name, value in measures.items()}).assign(**nothing)
    text = console.text(
        tables._replace(runs=runs.astype(dict.fromkeys(nothing, "float64"))), run_ids=set(runs["run_id"])
    )
    assert "test FLD" in text
    assert widest(text) <= 100


def test_a_tuning(capsys):
    assert report_main(["--tuned", str(RESULTS / "digits_mlp_tuning")]) == 0
    assert widest(capsys.readouterr().out) <= 100


def test_the_plan_of_the_ledger(capsys, tmp_path):
    """Of all claims: without results it has every folder too, and words in place of the hours."""
    assert ledger_main([str(tmp_path), "--plan"]) == 0
    assert widest(capsys.readouterr().out) <= 100


def test_the_properties_of_one_function(capsys):
    assert catalogue_main(["+act=rational"]) == 0
    assert widest(capsys.readouterr().out) <= 100


def test_the_properties_of_all():
    table = functions.comparison(functions.read(RESULTS / "functions", "properties"))
    text = printed.comparison(table)
    assert len(text.splitlines()) == len(table) + 1
    assert widest(text) <= 100


def test_costs(capsys, monkeypatch):
    for sizes in ("CPU_SIZES", "GPU_SIZES"):
        monkeypatch.setattr(cost, sizes, (cost.Size("inside cache", 2**12, 1, 1),))
    monkeypatch.setattr(cost, "ROUNDS", 1)
    monkeypatch.setattr(torch, "compile", lambda f, dynamic: f)
    assert catalogue_main(["--cost", "binary_step_straight_through"]) == 0
    assert widest(capsys.readouterr().out) <= 100
    assert widest(printed.costs(functions.read(RESULTS / "functions", "cost"))) <= 100


def test_comparisons_of_speed():
    assert widest(speed.summary(store.collect(RESULTS / "speed"))) <= 100


def test_long_names_are_cut_so_that_both_ends_are_seen():
    tables = concatenated(*(synthetic.tables([f"{LONG}{alpha}"], seeds=2) for alpha in (0.25, 0.5)))
    text = console.text(tables, run_ids=set(tables.runs["run_id"]))
    assert widest(text) <= 100
    lines = [line for line in text.splitlines() if line.startswith("a_function")]
    assert [any(f"alpha={alpha}  " in line for line in lines) for alpha in (0.25, 0.5)] == [True, True]


def test_columns_that_find_no_room_go_on_below_beside_the_names():
    names = ["first", "second"]
    rows = [["name", *(f"column {i}" for i in range(20))], *([name, *(f"{i}.5" for i in range(20))] for name in names)]
    text = console.aligned(rows)
    assert widest(text) <= 100
    blocks = [[line.split("  ") for line in block.splitlines()] for block in text.split("\n\n")]
    assert len(blocks) > 1
    assert all(
        [lines[0][0].strip() for lines in (block[i : i + 1] for i in range(3))] == ["name", *names] for block in blocks
    )
    cells = pd.Series([cell.strip() for block in blocks for cell in block[1][1:] if cell.strip()])
    assert cells.tolist() == [f"{i}.5" for i in range(20)]


def test_a_paragraph_keeps_a_path_whole():
    path = "results/" + "x" * 120
    lines = console.paragraph(f"{'some words ' * 20}{path}").splitlines()
    assert lines[-1] == path
    assert max(map(len, lines[:-1])) <= 100
