"""A comparison of speed that somebody else measured, or that holds something else: told in a sentence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from actbench.compare.workloads import NothingToReportError
from actbench.figures import axes
from actbench.tables import schema, store
from benchmarks.speed import __main__ as speed
from benchmarks.speed import report, tables

FOLDER = Path("r")


def _speed(**columns: object) -> schema.Tables:
    """Two rounds of one arm, some of whose columns are others."""
    keys = [{"run_id": "a", "seed": seed, "epoch": 0, "step": 0} for seed in (0, 1)]
    run = {"status": "done", "protocol": 2, "task": "speed", "task.comparison": "tutorial"}
    arm = {"case": "mlp", "arm": "loop", "unit": "samples", "against": "{}", "left_out": "", "work": 1.0, "load": 1.0}
    rows = [key | arm | {"train_seconds": 1.0} | columns for key in keys]
    return schema.from_rows(
        runs=[key | run for key in keys],
        epochs=[{name: value for name, value in row.items() if value is not None} for row in rows],
    )


@pytest.mark.parametrize(
    ("columns", "at_fault"),
    [
        ({"case": None}, "case"),
        ({"arm": None, "unit": 1.0}, "arm, unit"),
        ({"work": "much", "load": "none"}, "work, load"),
        ({"against": "no JSON"}, "against"),
        ({"against": '{"loop": "fast"}'}, "against"),
        ({"against": "[" * 10**5}, "against"),
    ],
)
def test_another_table_of_speed_is_one_sentence(columns, at_fault, capsys):
    made = _speed(**columns)
    told = f"These are no tables of a comparison of speed: a column is absent or holds something else ({at_fault})."
    with pytest.raises(NothingToReportError) as caught:
        tables.rounds(made)
    assert str(caught.value) == told
    store.write(made, FOLDER / "tables")
    assert speed.main(["--report", "r"]) == 2
    assert capsys.readouterr() == ("", f"benchmarks.speed: {told}\n")


def test_speed_without_a_round_is_one_sentence(capsys):
    store.write(_speed()._replace(epochs=schema.from_rows(runs=[]).epochs), FOLDER / "tables")
    assert speed.main(["--report", "r"]) == 2
    told = "No round of a comparison of speed was measured, so there is nothing to report.\n"
    assert capsys.readouterr() == ("", f"benchmarks.speed: {told}")


def test_speed_is_reported_without_settings_and_against_an_arm_that_is_not_there():
    store.write(_speed(against=json.dumps({"another": 2.0})), FOLDER / "tables")
    markdown = report.write(FOLDER, store.collect(FOLDER), []).with_suffix(".md").read_text("utf-8")
    assert "| mlp | loop | 1 | samples |" in markdown
    assert not len(tables.ratios(tables.rounds(store.collect(FOLDER))))


def test_a_logarithmic_axis_is_drawn_around_what_can_be_drawn():
    panel = Figure().subplots()
    axes.log_y(panel, [pd.Series([1.0, 100.0]), pd.Series([1e300, 1e-300, np.inf, -1.0])])
    assert panel.get_ylim() == pytest.approx((1 / 1.25, 125))
