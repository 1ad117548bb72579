"""The ranking and the diagnosis of a report: their tables, the sentences on them, and the settings of the runs."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import synthetic

from actbench.compare import ranking
from actbench.compare.intervals import Interval
from actbench.compare.workloads import Workload, workloads
from actbench.report import numbers, sentences, settings
from actbench.tables.schema import Tables, from_rows


def only_workload(tables: Tables) -> Workload:
    return workloads(tables)[0]


def runs_of(losses: dict[str, list[float]], **columns) -> pd.DataFrame:
    """A frame of runs with these test losses, one seed each; a loss that is not finite is a diverged seed."""
    rows = [
        {"run_id": name, "seed": seed, "act": name, "protocol": 1, "step": 1, "epoch": 1, "test_loss": loss}
        | {"status": "done" if np.isfinite(loss) else "diverged", "test_accuracy": 1 - min(loss, 0.9)}
        for name, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    return only_workload(from_rows(runs=rows)).tables.runs.assign(**columns)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.17234, 0.1604, 0.1851, 10), "0.172 [0.160, 0.185]"),
        (Interval(0.97312, 0.97220, 0.97401, 10), "0.9731 [0.9722, 0.9740]"),
        (Interval(0.5, 0.5, 0.5, 3), "0.5000"),
        (Interval(2.0, np.nan, np.nan, 1), "2.000"),
        (Interval(41_234.0, 40_100.0, 42_300.0, 10), "41,234 [40,100, 42,300]"),
        (Interval(-0.004, -0.011, 0.003, 10), "−0.004 [−0.011, 0.003]"),
        (Interval(3.452e-6, 3.36e-6, 3.51e-6, 10), "3.45e−6 [3.36e−6, 3.51e−6]"),
        (Interval(1.7194e33, 5.859e32, 3.626e33, 3), "1.72e33 [5.86e32, 3.63e33]"),
        (Interval(0.0, 0.0, 0.0, 10), "0"),
        (Interval(np.nan, np.nan, np.nan, 0), "–"),
        (None, "–"),
    ],
)
def test_numbers_show_two_digits_of_their_interval(interval: Interval | None, expected: str) -> None:
    assert numbers.number(interval) == expected


def test_a_number_says_when_it_has_fewer_seeds() -> None:
    assert numbers.number(Interval(0.5, 0.4, 0.6, 9), of=10) == "0.50 [0.40, 0.60] (n = 9)"
    assert numbers.number(Interval(0.12345, 0.1, 0.2, 5), places=3) == "0.123 [0.100, 0.200]"


def test_variants_that_lost_seeds_rank_last_whatever_their_mean() -> None:
    runs = runs_of({"a": [0.3, 0.3], "b": [0.1, np.nan], "c": [0.2, 0.2], "d": [np.inf, np.nan]})
    assert ranking.ranked(runs) == ["c", "a", "b", "d"]


def test_variants_rank_by_error_and_equal_ones_by_loss() -> None:
    runs = runs_of({"a": [0.1, 0.1], "b": [0.2, 0.2], "c": [0.3, 0.3]})
    runs["test_error"] = runs["variant"].map({"a": 0.2, "b": 0.1, "c": 0.2})
    assert ranking.ranked(runs) == ["b", "a", "c"]
    assert ranking.primary(runs) == "test_error"
    assert ranking.primary(runs.assign(test_error=np.nan)) == "test_loss"


def test_functions_that_error_and_loss_rank_more_than_five_places_apart() -> None:
    names = "abcdefgh"
    runs = runs_of({name: [0.1 * (i + 1)] * 2 for i, name in enumerate(names)}, test_ece=0.25)
    runs["test_error"] = runs["variant"].map({name: (i - 1) % 8 for i, name in enumerate(names)})  # a is the last
    table = ranking.disagreements(runs)
    assert table.values.tolist() == [["a", 8, 1, 0.25]]
    assert ranking.disagreements(runs, places=0)["variant"].tolist() == [*"bcdefgh", "a"]


def test_an_interval_of_few_seeds_ends_at_what_the_measure_can_be() -> None:
    runs = runs_of({"a": [0.1, 0.3], "b": [0.2, 0.2]})
    cell = ranking.intervals(runs.assign(test_accuracy=[0.9, 0.98, 1.0, 1.0]), "test_accuracy")["a"]
    assert cell.low == pytest.approx(0.94 - 0.04 * scipy.stats.t.ppf(0.975, 1))
    assert cell.high == 1
    assert ranking.intervals(runs, "test_loss")["a"].low == 0
    negative = ranking.intervals(runs_of({"a": [-0.1, 0.3]}), "test_loss")["a"]
    assert negative.low == pytest.approx(0.1 - 0.2 * scipy.stats.t.ppf(0.975, 1))


def test_ranking_table_by_hand() -> None:
    runs = runs_of({"a": [0.25, 0.25], "b": [0.5, np.inf]}, train_seconds=2.0)
    heading, *rows = numbers.ranking_table(ranking.ranking(runs), runs, ["a", "b"])
    assert heading == ["activation", "test loss (nats)", "test accuracy (%)", "seconds per seed", "n", "diverged"]
    assert rows[0] == ["a", "0.2500", "75.00", "2.000", "2", "0"]
    assert rows[1] == ["b", "0.5000 (n = 1)", "30 [0, 100]", "2.000", "2", "1"]


def test_diagnosis_of_three_layers_and_of_one() -> None:
    def headings(depth: int) -> list[str]:
        tables = only_workload(synthetic.tables(["relu"], seeds=2, depth=depth)).tables
        return list(ranking.diagnosis(tables.layers, ["relu"]))

    assert headings(1) == ["saturated low, last layer", "saturated high, last layer", "bias / std, last layer"]
    assert headings(3) == [
        f"{what}, {where} layer"
        for what in ("saturated low", "saturated high", "bias / std")
        for where in ("first", "last")
    ] + ["bias / std, last minus first layer", "gradient gain λ, at init", "gradient gain λ, at the end"]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({"a": [0.25, 0.25]}, "a has a mean test loss of 0.2500, n = 2."),
        ({"a": [0.25, 0.25], "b": [0.5, 0.5]},
         "a has the lowest mean test loss, 0.2500, n = 2; the other interval does not overlap it."),
        ({"a": [0.0, 1.0], "b": [0.5, 2.5]},
         "a has the lowest mean test loss, 0.5 [0.0, 6.9], n = 2; the other interval overlaps it."),
        ({"a": [0.25, 0.25], "b": [0.5, 0.5], "c": [1.0, 1.0]},
         "a has the lowest mean test loss, 0.2500, n = 2; "
         "none of 2 other intervals overlaps it."),
        ({"a": [0.0, 1.0], "b": [0.5, 2.5], "c": [9.0, 9.0]},
         "a has the lowest mean test loss, 0.5 [0.0, 6.9], n = 2; 1 of 2 other intervals overlaps it."),
        ({"a": [0.0, 1.0], "b": [0.5, 2.5], "c": [0.5, 0.8]},
         "a has the lowest mean test loss, 0.5 [0.0, 6.9], n = 2; all 2 other intervals overlap it."),
        ({"a": [0.25, 0.25], "b": [0.125, np.nan]},
         "a has the lowest mean test loss, 0.2500, n = 2."),
    ],
)  # fmt: skip
def test_the_best_variant_and_how_many_intervals_overlap_its_own(losses: dict[str, list[float]], expected: str) -> None:
    assert sentences.best(runs_of(losses), "test_loss") == expected


def test_the_best_accuracy_is_the_highest_and_an_empty_column_has_no_sentence() -> None:
    runs = runs_of({"a": [0.25, 0.25], "b": [0.5, 0.5]})
    assert sentences.best(runs, "test_accuracy").startswith("a has the highest mean test accuracy, 75.00\u202f%, ")
    assert sentences.best(runs, "val_loss") == ""


def layers_of(**columns: list[float]) -> pd.DataFrame:
    """Two layers of one variant and seed, at steps 0 and 9: four values a column."""
    keys = {"layer": ["hidden.0", "hidden.1"] * 2, "layer_index": [1, 2, 1, 2], "step": [0, 0, 9, 9]}
    return pd.DataFrame({"run_id": "r", "seed": 0, "variant": "f", "status": "done", "dead": 0.0, **keys, **columns})


def test_sentences_on_layers_by_hand() -> None:
    frame = layers_of(
        saturation_low=[0, 0, 0.5, 0.25], saturation_high=[0, 0, 0, 0.125], out_ratio=[1, 1, 2, 4],
        grad_rms=[0.25, 1, 1, 1],
    )  # fmt: skip
    start = "At initialisation no layer is saturated by more than 0.01 on either side, on average."
    assert sentences.most_saturated(frame[frame["step"] == 0]) == start
    assert sentences.most_saturated(frame) == "Most saturated at the end: f, layer 1, low side, 0.5000, n = 1."
    assert sentences.most_biased(frame) == "Largest bias / standard deviation at the end: f, layer 2, 4.000, n = 1."
    assert sentences.most_vanishing(frame) == (
        "At initialisation the gradient shrinks most towards the input with f: λ = −1.386, n = 1, "
        "where the first layer gets 0.2500 of what the last one gets."
    )
    other = frame.assign(variant="g", run_id="s", saturation_low=0.25, out_ratio=4.0, grad_rms=[0.25, 1, 1, 1])
    two = pd.concat([frame, other])  # single seeds have no intervals
    assert sentences.most_saturated(two).endswith("low side, 0.5000, n = 1.")
    assert sentences.most_biased(two).endswith("layer 2, 4.000, n = 1.")
    assert sentences.most_vanishing(two).endswith("0.2500 of what the last one gets.")
    alike = [
        rows.assign(seed=seed, run_id=f"{rows['run_id'].iloc[0]}{seed}") for rows in (frame, other) for seed in (0, 1)
    ]
    four = pd.concat(alike)
    assert sentences.most_saturated(four).endswith("n = 2; the other interval does not overlap it.")
    assert sentences.most_biased(four).endswith("n = 2; the other interval overlaps it.")
    assert sentences.most_vanishing(four).endswith("of what the last one gets; the other interval overlaps it.")


def test_the_second_of_two_networks_is_diagnosed() -> None:
    """A generator's layer before a discriminator's two: its values are in no cell."""
    two = layers_of(
        saturation_low=[0.5, 0.25] * 2, saturation_high=[0, 0] * 2, out_ratio=[1, 2] * 2, grad_rms=[0.25, 1] * 2
    )
    discriminator = two.assign(layer="discriminator." + two["layer"], layer_index=two["layer_index"] + 1)
    generator = discriminator[discriminator["layer_index"] == 2].assign(
        layer="generator.0", layer_index=1, grad_rms=9, saturation_low=1
    )
    both = pd.concat([generator, discriminator])
    assert str(ranking.diagnosis(both, ["f"])) == str(ranking.diagnosis(two, ["f"]))  # nan != nan
    assert sentences.most_vanishing(both) == sentences.most_vanishing(two) != ""


def test_sentences_say_that_nothing_happened_or_are_left_out_without_values() -> None:
    frame = layers_of(
        saturation_low=[0.0] * 4, saturation_high=[0.0] * 4, out_ratio=[np.nan] * 4, grad_rms=[0, 1, 0, 1]
    )
    nothing = "At the end no layer is saturated by more than 0.01 on either side, on average."
    assert sentences.most_saturated(frame) == nothing
    assert sentences.most_biased(frame) == ""
    assert sentences.most_vanishing(frame) == "No gradient reaches the first layer with f."


def test_the_parameter_that_moved_farthest() -> None:
    frame = layers_of(**{"act.a": [0, 0, 0.5, -0.75], "act.b[0]": [np.nan] * 4})
    assert sentences.farthest_learned(frame) == "Moved farthest: f, a, layer 2, by −0.7500, n = 1."


def test_variants_that_were_better_before_the_last_epoch_are_counted() -> None:
    epochs = pd.DataFrame({"variant": list("aabb"), "epoch": [1, 2, 1, 2], "val_loss": [1.0, 2.0, 2.0, 1.0]})
    assert sentences.past_best(epochs) == "1 of 2 reached their lowest mean validation loss before the last epoch."
    alone = epochs[epochs["variant"] == "b"]
    assert sentences.past_best(alone) == "The lowest mean validation loss is reached at the last epoch."
    assert sentences.past_best(epochs[epochs["epoch"] == 1]) == ""


def test_settings_in_rows() -> None:
    work = only_workload(synthetic.tables(["elu", "relu"], seeds=3, **{"act.alpha": 0.5}))
    assert settings.rows([work]) == [
        ["", ""],
        ["activation", "elu (alpha=0.5); relu (alpha=0.5)"],
        ["data", "digits"],
        ["model", "mlp, depth=3, width=64, dropout=0"],
        ["optim", "sgd, lr=0.1, weight_decay=0"],
        ["probes", "default, epsilon=0.01"],
        ["train", "epochs=12, batch_size=64"],
        ["also", "init=he, norm=none, schedule=cosine, task=classification, device=cpu, threads=1, PROTOCOL=1"],
        ["seeds", "3 seeds each (0 to 2)"],
        ["runs", "6 runs: 6 done, 0 diverged, 0 failed"],
        ["ran on", "a CPU"],
        ["commit", "0123abcd"],
        ["versions", "actbench 0.1.0, torch 2.15.0, Python 3.12.3"],
    ]
