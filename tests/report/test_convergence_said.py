"""A report says whether its networks have converged, by the folder with twice the epochs beside it."""

import shutil

import pandas as pd
import pytest
import synthetic

from actbench.compare.convergence import COLUMNS
from actbench.report import convergence, results_folder

pytestmark = pytest.mark.usefixtures("undrawn")


def _twice(tables):
    """Runs on tuning seeds with the usual number of epochs, and with twice as many and half the error."""
    runs = tables.runs.assign(seed=tables.runs["seed"] + 1000, **{"train.epochs": 4})
    doubled = runs.assign(
        run_id=runs["run_id"] + "-d", val_accuracy=1 - (1 - runs["val_accuracy"]) / 2, **{"train.epochs": 8}
    )
    return tables._replace(
        runs=pd.concat([runs, doubled], ignore_index=True), epochs=tables.epochs[:0], layers=tables.layers[:0]
    )


def test_the_first_sentence_is_of_a_network_that_is_still_improving(tmp_path):
    tables = synthetic.tables(["relu", "tanh"], seeds=3)
    folder, beside = tmp_path / "mine", tmp_path / "mine_doubled"
    synthetic.results_folder(folder, tables)
    synthetic.results_folder(beside, _twice(tables))
    page = results_folder.write(folder).with_suffix(".md").read_text(encoding="utf-8")
    first = next(line for line in page.splitlines()[1:] if line)
    said = "With 4 epochs still improving: twice the 4 epochs change the validation error by −50\u202f%"
    assert first.startswith(f"> {said}")
    assert "| converged | no: twice the training changes the error by −50\u202f% to −50\u202f%" in page
    answered = results_folder.write(beside).with_suffix(".md").read_text(encoding="utf-8")
    assert f"**{said}" in answered
    kept = pd.read_csv(folder / "statistics" / "convergence.csv")
    assert kept["change"].to_numpy() == pytest.approx([-0.5, -0.5])

    shutil.rmtree(beside)
    pd.testing.assert_frame_equal(convergence.of(folder), kept)


@pytest.mark.parametrize(
    ("changes", "half", "start"),
    [
        ([0.02, -0.09], 0.005, "Converged: "),
        ([0.02, -0.09], 0.02, "Converged, as far as 3 seeds tell: "),
        ([0.02, -0.11], 0.005, "With 4 epochs still improving: "),
        ([0.3], 0.005, "With 4 epochs not settled: "),
    ],
)
def test_what_counts_as_converged(changes, half, start):
    rows = [("relu", 4, 3, 0.1, 0.1 * (1 + change), change, change - half, change + half) for change in changes]
    assert convergence.sentence(pd.DataFrame(rows, columns=COLUMNS)).startswith(start)


def test_nothing_is_said_where_nobody_asked(tmp_path):
    synthetic.results_folder(tmp_path / "mine", synthetic.tables(["relu", "tanh"], seeds=3))
    assert not len(convergence.of(tmp_path / "mine"))
    assert convergence.sentence(pd.DataFrame(columns=COLUMNS)) == ""
