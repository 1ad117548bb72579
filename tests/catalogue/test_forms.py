"""Costs of the forms of a function in fresh processes: what is there is not measured again."""

import pandas as pd
import pytest

from actbench.catalogue import cost, forms
from actbench.catalogue.__main__ import main
from actbench.tables import functions

TINY = (cost.Size("inside cache", 4096, 1, 2),)


def _costs(number: int) -> pd.DataFrame:
    rows = [{"function": name, "ratio": 1.0 + number} for name in forms.FORMS]
    return pd.DataFrame(rows).assign(seed=number)


def test_forms_are_functions_of_the_catalogue():
    names = [(forms._form(name).name, forms._form(name).parameters) for name in forms.FORMS]
    assert names == [("gelu", {"approximate": "none"}), ("gelu_tanh", {"approximate": "tanh"}), ("gelu_sigmoid", {})]


def test_processes_that_are_there_are_not_started_again(tmp_path):
    functions.write(pd.concat([_costs(0), _costs(1)], ignore_index=True), tmp_path, "cost")
    table = forms.measure(tmp_path, 2)
    assert sorted(table["seed"]) == [0, 0, 0, 1, 1, 1]


@pytest.mark.slow
def test_a_fresh_process_measures_every_form_in_every_mode(tmp_path):
    table = forms.measure(tmp_path, 1, sizes=TINY)
    assert len(table) == len(forms.FORMS) * len(cost.MODES) * 2
    assert not table.duplicated(["seed", "function", "mode", "size", "pass"]).any()
    assert (table["ratio"] > 0).all()
    pd.testing.assert_frame_equal(table, functions.read(tmp_path, "cost"))


@pytest.mark.parametrize("line", ["--cost --processes", "--cost --processes 0", "--processes two", "--processes 1 2"])
def test_the_number_of_processes_is_one_number(line, capsys):
    assert main(line.split()) == 2
    assert "--processes needs one number of processes, 1 or more" in capsys.readouterr().err
