"""What a tuning's page says of its choices."""

from types import SimpleNamespace

import pandas as pd
import pytest

from actbench.report import tuning
from actbench.tables.tuning import Setting

ASKED = SimpleNamespace(shared=Setting(0.003, "torch"))


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([0.01], "the rate 0.01 (1 of 1) and"),
        ([0.01, 0.01, 0.03], "the rate 0.01 (2 of 3) and"),
        ([0.03, 0.01], "the rates 0.01 and 0.03 (1 of 2 each) and"),  # neither suits most
        ([0.03, 0.01, 0.01, 0.03, 1.0], "the rates 0.01 and 0.03 (2 of 5 each) and"),
    ],
)
def test_of_rates_that_are_chosen_as_often_all_are_named(rates, said):
    names = {(act, "{}"): act for act in "abcde"[: len(rates)]}
    rows = [(act, parameters, lr, "lsuv") for (act, parameters), lr in zip(names, rates, strict=True)]
    chosen = pd.DataFrame(rows, columns=["act", "parameters", "lr", "init"]).assign(is_shared=False, at_edge=False)
    waiting, sentence = tuning.sentences(ASKED, chosen, names)
    assert waiting == ""
    assert said in sentence
    assert f"the initialisation lsuv ({len(rates)} of {len(rates)})" in sentence
