"""Why a target of speed is not reached: the sentences for ratios written by hand."""

import numpy as np
import pandas as pd
import pytest

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
    assert limits.sentences(_ratios()) == [
        "mnist, mlp: the products of forward and backward alone, at their own shapes, take 0.75 of the time of "
        "training and reach 0.8 of torch.mm's best: with nothing else to do training would be 1.33 times as fast. Of "
        "the time: activations and pooling 0.08, the optimizer 0.1, making batches 0.05. At model.width=512, "
        "train.batch_size=512 the same loop reaches 0.8 [0.7, 0.9] of that best. With oneDNN's products in place of "
        "torch.mm's it is 1.2 [1.1, 1.3] times as fast; torch has no public way to choose them, and they round "
        "otherwise.",
        "Two workers: torch.mm alone, which shares neither data nor tables, gains 1.6 [1.5, 1.7] from the second one, "
        "so that to products these two cores are not two whole ones.",
        "mnist, mlp, sweep of 4: one worker is 4 times as fast as the loops in turn; a second one that gained 2 would "
        "make it 8. Of one worker's time: training 0.7, data 0.2.",
        "mnist, mlp, 4 epochs: of the probes' time the forward and backward passes on their batch 0.5.",
    ]


def test_slower_products_and_whole_cores_are_reported_without_a_caveat():
    """Slower oneDNN products are nothing that torch withholds; a gain of 2 in torch.mm means two whole cores."""
    ratios = _ratios()
    ratios.loc[ratios["arm"] == "training, products by oneDNN", ["ratio", "low", "high"]] = 0.75, 0.7, 0.8
    ratios.loc[ratios["case"] == "torch.mm alone", ["ratio", "low", "high"]] = 2.0, 1.9, 2.1
    training, workers, *_ = limits.sentences(ratios)
    assert training.endswith(" With oneDNN's products in place of torch.mm's it is 0.75 [0.7, 0.8] times as fast.")
    assert workers.endswith(" gains 2 [1.9, 2.1] from the second one.")


def test_targets_that_are_reached_need_no_sentence():
    assert limits.sentences(_ratios().assign(verdict="reached")) == []
    assert limits.sentences(pd.DataFrame()) == []


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[7:8], [(*ROWS[7][:4], np.nan, "open")], ROWS[-2:-1]])
def test_without_a_profile_there_is_no_sentence(rows):
    assert limits.sentences(_ratios(rows)) == []
