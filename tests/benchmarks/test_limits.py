"""Why a target of speed is not reached: the sentences for ratios written by hand."""

import numpy as np
import pandas as pd
import pytest
from pages import numbers

from benchmarks.speed import limits

TRAINING, PRODUCTS = "training, one seed", "its products alone, forward and backward"
PROBES = "probes alone, default schedule"
# Comparison, case, arm, against, ratio, verdict.
ROWS = [
    ("peak", "mnist, mlp", TRAINING, "torch.mm, the best", 0.6, "missed"),
    ("peak", "mnist, mlp", "training, model.width=512, train.batch_size=512", "torch.mm, the best", 0.8, ""),
    ("peak", "mnist, mlp", PRODUCTS, TRAINING, 0.75, ""),
    ("peak", "mnist, mlp", "activations and pooling alone, forward and backward", TRAINING, 0.08, ""),
    ("peak", "mnist, mlp", "the optimizer alone", TRAINING, 0.1, ""),
    ("peak", "mnist, mlp", "batches alone", TRAINING, 0.05, ""),
    ("peak", "mnist, mlp", "training, products by oneDNN", TRAINING, 1.2, ""),
    ("workers", "mnist, mlp, sweep of 4", "2 workers", "1 worker", 1.5, "open"),
    ("workers", "mnist, mlp, sweep of 4", "2 workers", "tutorial loops in turn", 6.0, "missed"),
    ("workers", "mnist, mlp, sweep of 4", "its training alone", "1 worker", 0.7, ""),
    ("workers", "mnist, mlp, sweep of 4", "its data alone", "1 worker", 0.2, ""),
    ("workers", "torch.mm alone", "2 workers", "1 worker", 1.6, ""),
    ("probing", "mnist, mlp, 4 epochs", "probes alone, default schedule", "default schedule", 0.03, "open"),
    ("probing", "mnist, mlp, 4 epochs", "their passes alone, forward and backward", PROBES, 0.5, ""),
]


def _ratios(rows=ROWS) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["comparison", "case", "arm", "against", "ratio", "verdict"])
    return frame.assign(low=frame["ratio"] - 0.1, high=frame["ratio"] + 0.1)


def test_each_missed_target_is_explained_with_numbers():
    """Training reaches .6 of the peak, .75 of it in products, which alone reach .6/.75. One worker gains 6/1.5 = 4."""
    sentences = [sentence.partition(": ")[::2] for sentence in limits.sentences(_ratios())]
    assert [case for case, _ in sentences] == [
        "mnist, mlp", "Two workers", "mnist, mlp, sweep of 4", "mnist, mlp, 4 epochs",
    ]  # fmt: skip
    products, two_workers, sweep, probes = (numbers(text) for _, text in sentences)
    assert products == [0.75, 0.8, 1.33, 0.08, 0.1, 0.05, 512, 512, 0.8, 0.7, 0.9, 1.2, 1.1, 1.3]
    assert two_workers == [1.6, 1.5, 1.7]
    assert sweep == [4, 2, 8, 0.7, 0.2]
    assert probes == [0.5]
    assert "no public way" in sentences[0][1]
    assert "not two whole ones" in sentences[1][1]


def test_slower_products_and_whole_cores_are_reported_without_a_caveat():
    """Slower oneDNN products are nothing that torch withholds; a gain of 2 in torch.mm means two whole cores."""
    ratios = _ratios()
    ratios.loc[ratios["arm"] == "training, products by oneDNN", ["ratio", "low", "high"]] = 0.75, 0.7, 0.8
    ratios.loc[ratios["case"] == "torch.mm alone", ["ratio", "low", "high"]] = 2.0, 1.9, 2.1
    training, workers, *_ = limits.sentences(ratios)
    assert numbers(training)[-3:] == [0.75, 0.7, 0.8]
    assert numbers(workers) == [2, 1.9, 2.1]
    assert "public way" not in training
    assert "whole ones" not in workers


def test_targets_that_are_reached_need_no_sentence():
    assert limits.sentences(_ratios().assign(verdict="reached")) == []
    assert limits.sentences(pd.DataFrame()) == []


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[7:8], [(*ROWS[7][:4], np.nan, "open")], ROWS[-2:-1]])
def test_without_a_profile_there_is_no_sentence(rows):
    assert limits.sentences(_ratios(rows)) == []
