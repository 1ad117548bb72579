"""What an experiment is answered by: the extreme of a column, two activations compared, its means; what was chosen."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from pages import concatenated, numbers

from actbench.compare.workloads import NothingToReportError, Workload, workloads
from actbench.report import answer, asked, atoms
from actbench.tables.schema import Tables

ERRORS = {("tanh", 2): 0.02, ("tanh", 8): 0.03, ("sigmoid", 2): 0.015, ("sigmoid", 8): 0.3}


def _with_errors(tables: Tables, errors: list[float]) -> Tables:
    noise = np.random.default_rng(3).normal(0, 1e-4, size=len(tables.runs))
    runs = tables.runs.assign(test_accuracy=1 - np.array(errors) + noise, test_error=np.array(errors) - noise)
    return tables._replace(runs=runs.assign(test_right=None))


@pytest.fixture
def depths() -> list[Workload]:
    """Two activations at two depths with ERRORS, on four seeds."""
    several = [synthetic.tables(["tanh", "sigmoid"], seeds=4, epochs=1, **{"model.depth": depth}) for depth in (2, 8)]
    known = [
        _with_errors(tables, [ERRORS[act, depth] for act in tables.runs["act"]])
        for tables, depth in zip(several, (2, 8), strict=True)
    ]
    return workloads(concatenated(*known))


@pytest.mark.parametrize(
    ("entry", "beginning"),
    [
        ("lowest test_error", "sigmoid (depth 2) has the lowest"),
        ("highest test_error", "sigmoid (depth 8) has the highest"),
    ],
)
def test_an_extreme_is_that_of_all_settings(depths, entry, beginning):
    (sentence,) = asked.statements([entry], depths)
    assert sentence.startswith(f"{beginning} mean test error, ")
    assert sentence.endswith("none of 3 other intervals overlaps it.")


def test_two_activations_are_compared_in_every_setting(depths):
    (sentence,) = asked.statements(["test_error of tanh against sigmoid"], depths)
    assert sentence.startswith("tanh's test error is lower than sigmoid's in 1 of 2 settings: ")
    assert numbers(sentence.partition(": ")[2].replace("\u202f%", "")) == [2, 1.5, 2, 3, 30, 8, 4]


def test_where_two_activations_are_farthest_apart_is_said_with_the_paired_difference(depths):
    (sentence,) = asked.statements(["farthest test_error of tanh from sigmoid"], depths)
    assert sentence.startswith(
        "tanh and sigmoid are farthest apart in test error with depth 8: tanh's less sigmoid's is "
    )
    assert numbers(sentence.partition(" is ")[2])[0] == pytest.approx(-27, abs=0.05)


def test_parameters_are_compared_with_the_same_parameters():
    settings = [(name, alpha) for name in ("celu", "elu") for alpha in (0.1, 2.0)]
    several = [synthetic.tables([name], seeds=3, epochs=1, **{"act.alpha": alpha}) for name, alpha in settings]
    known = [_with_errors(tables, [error] * 3) for tables, error in zip(several, (0.1, 0.2, 0.11, 0.4), strict=True)]
    (sentence,) = asked.statements(["farthest test_error of celu from elu"], workloads(concatenated(*known)))
    assert " with alpha=2: " in sentence
    assert numbers(sentence.partition(" is ")[2])[0] == pytest.approx(-20, abs=0.05)


def test_what_is_asked_for_comes_first_and_no_setting_alone_follows(depths):
    entries = ["lowest test_error", "test_error"]
    none = pd.DataFrame(columns=atoms.COLUMNS)
    first, second = answer.answer(depths, [None, None], none, is_yes_or_no=False, asked_for=entries)
    assert first.startswith("sigmoid (depth 2) has the lowest")
    assert second.startswith(
        "With sigmoid the test error is 1.5\u202f% (depth 2) and 30.0\u202f% (depth 8); with tanh "
    )


def test_statements_on_what_is_asked_for_come_before_others():
    row = dict.fromkeys(atoms.COLUMNS, "") | {"kind": "claimed", "verdict": "true", "sentence": "Yes."}
    found = pd.DataFrame(
        [row | {"states": "A.", "column": "out_mean"}, row | {"states": "B.", "column": "test_accuracy"}]
    )
    works = workloads(synthetic.tables(["tanh"], seeds=3))
    first, *_ = answer.answer(works, [None], found, is_yes_or_no=True, asked_for=["test_accuracy"])
    assert first == "True: “B.” Yes."


def test_what_the_tables_lack_and_who_is_not_there_is_not_said(depths):
    assert asked.statements(["test_error of tanh against elu", "farthest test_error of elu from tanh"], depths) == []


def test_an_entry_of_no_form_is_refused():
    with pytest.raises(NothingToReportError, match="answered by `best test_error`, but an answer is a COLUMN, "):
        asked.column("best test_error")


def test_a_folder_in_which_something_is_chosen_says_what_the_ledger_chose(tmp_path):
    (tmp_path / "ledger").mkdir()
    rows = [("C01", "limits, other", "max val 1", 20), ("C02", "limits", "max val 1", 19), ("C03", "limits", "", 3)]
    ledger = pd.DataFrame(rows, columns=["claim", "results", "chosen", "cases"])
    ledger.to_csv(tmp_path / "ledger" / "ledger.csv", index=False)
    expected = "The ledger chose max val 1 here, of 20 settings for C01 and of 19 settings for C02."
    assert atoms.choice(tmp_path / "limits_choice") == [expected]
    assert atoms.choice(tmp_path / "limits") == []
    assert atoms.choice(tmp_path / "elsewhere_choice") == []
