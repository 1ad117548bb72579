"""Tables of speed that another program made or that lack columns: one sentence in place of a traceback."""

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
    """Two rounds of one arm, with some columns replaced or, by None, left out."""
    keys = [{"run_id": "a", "seed": seed, "epoch": 0, "step": 0} for seed in (0, 1)]
    run = {"status": "done", "protocol": 2, "task": "speed", "task.comparison": "tutorial"}
    arm = {"case": "mlp", "arm": "loop", "unit": "samples", "against": "{}", "left_out": "", "work": 1.0, "load": 1.0}
    rows = [key | arm | {"train_seconds": 1.0} | columns for key in keys]
    return schema.from_rows(
        runs=[key | run for key in keys],
        epochs=[{name: value for name, value in row.items() if value is not None} for row in rows],
    )


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"case": None}, "case"),
        ({"arm": None, "unit": 1.0}, "arm, unit"),
        ({"work": "much", "load": "none"}, "work, load"),
        ({"against": "no JSON"}, "against"),
        ({"against": '{"loop": "fast"}'}, "against"),
        ({"against": "[" * 10**5}, "against"),
    ],
)
def test_wrong_tables_of_speed_end_with_one_sentence(columns, wrong, capsys):
    strange = _speed(**columns)
    sentence = (
        "These are not the tables of a comparison of speed: a column is missing or holds values of another type "
        f"({wrong}). Give a folder that python -m benchmarks.speed wrote."
    )
    with pytest.raises(NothingToReportError) as caught:
        tables.rounds(strange)
    assert str(caught.value) == sentence
    store.write(strange, FOLDER / "tables")
    assert speed.main(["--report", "r"]) == 2
    assert capsys.readouterr() == ("", f"benchmarks.speed: {sentence}\n")


def test_tables_without_a_round_end_with_one_sentence(capsys):
    store.write(_speed()._replace(epochs=schema.from_rows(runs=[]).epochs), FOLDER / "tables")
    assert speed.main(["--report", "r"]) == 2
    sentence = "No round of a comparison of speed was measured, so there is nothing to report.\n"
    assert capsys.readouterr() == ("", f"benchmarks.speed: {sentence}")


def test_a_report_needs_neither_settings_nor_the_arm_to_compare_with():
    store.write(_speed(against=json.dumps({"another": 2.0})), FOLDER / "tables")
    markdown = report.write(FOLDER, store.collect(FOLDER), []).with_suffix(".md").read_text("utf-8")
    assert "| mlp | loop | 1 | samples |" in markdown
    assert not len(tables.ratios(tables.rounds(store.collect(FOLDER))))


def test_a_logarithmic_axis_spans_the_values_that_can_be_drawn():
    panel = Figure().subplots()
    axes.log_y(panel, [pd.Series([1.0, 100.0]), pd.Series([1e300, 1e-300, np.inf, -1.0])])
    assert panel.get_ylim() == pytest.approx((1 / 1.25, 125))
