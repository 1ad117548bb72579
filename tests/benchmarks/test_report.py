"""The report on speed: ratios paired by round, an interval of order statistics, verdicts, and what was left out."""

import json

import numpy as np
import pandas as pd
import pytest

from actbench.tables import schema, store
from actbench.tables.store import write
from benchmarks.speed import figure, report, tables


def _tables(rounds=6, *, fast=6.0):
    """A machine that gets slower from round to round: actbench is `fast` times the other in each of them."""
    runs = [
        {"run_id": "a", "seed": seed, "status": "done", "task": "speed", "task.comparison": "tutorial", "threads": 1}
        | {
            "epoch": 0,
            "step": 0,
            "protocol": 2,
            "train.batch_size": 128,
            "train.epochs": 1,
            "data.num_train": 256,
            "commit": "c",
            "device_name": "a CPU",
        }
        for seed in range(rounds)
    ]
    epochs = []
    for seed in range(rounds):
        rows = (
            ("actbench", "samples", fast, json.dumps({"loop": 5.0}), ""),
            ("loop", "samples", 1.0, "{}", ""),
            ("its loader", "part", 4.0, json.dumps({"loop": 0.2}), ""),
            ("Lightning", "samples", np.nan, "{}", "Lightning is not <b>installed</b>."),
        )
        for number, (arm, unit, speed, against, why) in enumerate(rows):
            seconds = (1 + seed) / speed
            epochs.append(
                {"run_id": "a", "seed": seed, "epoch": number, "step": 0, "case": "mnist, mlp", "arm": arm}
                | {"unit": unit, "against": against, "work": 12.0, "train_seconds": seconds, "wall_seconds": seconds}
                | {"cpu_seconds": seconds, "accuracy": 0.9, "load": 1.0, "left_out": why}
            )
    return schema.from_rows(runs=runs, epochs=epochs)


def test_a_ratio_is_paired_by_round():
    found = tables.ratios(tables.rounds(_tables())).set_index("arm")
    assert found.loc["actbench", ["ratio", "low", "high", "n"]].tolist() == pytest.approx([6, 6, 6, 6])
    assert found.loc["its loader", "ratio"] == pytest.approx(1 / 4)  # of a part, the share of time
    assert found["verdict"].tolist() == ["reached", "missed"]
    assert (found["accuracy_gain"] == 0).all()


def test_what_one_arm_gains_in_accuracy_is_paired_by_round_too():
    """Seed by seed .01, .02, … .06 more: the median .035, within the extremes."""
    own = _tables()
    more = own.epochs["accuracy"] + (1 + own.epochs["seed"]) / 100 * (own.epochs["arm"] == "actbench")
    ratios = tables.ratios(tables.rounds(own._replace(epochs=own.epochs.assign(accuracy=more))))
    gains = ["accuracy_gain", "accuracy_gain_low", "accuracy_gain_high"]
    assert ratios.set_index("arm").loc["actbench", gains].tolist() == pytest.approx([0.035, 0.01, 0.06])
    header, first, part = tables.ratio_rows(ratios)
    assert (header[-1], first[-1], part[-1]) == ("accuracy gained", "0.035 [0.01, 0.06]", "")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(5, 6, "reached"), (4, 6, "open"), (3, 4, "missed"), (np.nan, np.nan, "open")],
)
def test_verdicts(low, high, verdict):
    assert tables._verdict(low, high, 5.0, at_most=False) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.01, 0.03, "reached"), (0.02, 0.04, "open"), (0.03, 0.04, "open"), (0.04, 0.05, "missed")],
)
def test_the_verdict_of_a_part_is_whether_it_takes_at_most_its_target(low, high, verdict):
    assert tables._verdict(low, high, 0.03, at_most=True) == verdict


def test_the_interval_of_a_median_is_of_order_statistics():
    """Of six values the extremes hold it with 1 − 2/2^6 = 97 %; of five no two values hold it with 95 %."""
    assert tables.median(pd.Series([3.0, 1, 2, 6, 5, 4])) == (3.5, 1, 6)
    middle, low, high = tables.median(pd.Series([3.0, 1, 2, 5, 4]))
    assert (middle, np.isnan(low), np.isnan(high)) == (3, True, True)
    assert np.isnan(tables.median(pd.Series([np.nan]))).all()


def test_the_report_says_what_was_measured_and_what_left_out(tmp_path):
    write(_tables(), tmp_path / "tables")
    report.write(tmp_path, store.collect(tmp_path), [])
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "- 1 of 2 targets are reached on a CPU.\n" in markdown
    assert "- missed: its loader against loop (mnist, mlp): 0.25 [0.25, 0.25], aimed at ≤ 0.2.\n" in markdown
    assert "| mnist, mlp | actbench | loop | 6 [6, 6] | 6 | ≥ 5 | reached | 0 [0, 0] |" in markdown
    assert r"Left out: Lightning is not \<b\>installed\</b\>." in markdown
    assert (tmp_path / "figures" / "targets.png").stat().st_size > 5000
    assert "<b>installed" not in (tmp_path / "report.html").read_text("utf-8")
    assert {path.name for path in (tmp_path / "statistics").iterdir()} == {"rates.csv", "ratios.csv"}


def test_what_is_missed_is_said_first(tmp_path):
    write(_tables(fast=4.0), tmp_path / "tables")
    report.write(tmp_path, store.collect(tmp_path), [])
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "- missed: actbench against loop (mnist, mlp): 4 [4, 4], aimed at ≥ 5.\n" in markdown


def test_a_column_without_a_value_is_not_stored_and_not_missed(tmp_path):
    own = _tables()
    write(own._replace(epochs=own.epochs.assign(accuracy=np.nan)), tmp_path / "tables")
    measured = tables.rounds(store.collect(tmp_path))
    assert tables.ratios(measured)["accuracy_gain"].isna().all()
    rates = tables.rates(measured).set_index("arm")
    assert rates["accuracy"].isna().all()
    # 12 samples in 1/6, 2/6, … 6/6 of a second: the median of 72, 36, 24, 18, 14.4, 12.
    assert rates.loc["actbench", ["rate", "n"]].tolist() == pytest.approx([21, 6])


def test_the_figure_of_the_targets_puts_what_is_reached_right_of_the_line():
    """A rate over its target, a target over the share of a part; the ends of the intervals likewise."""
    measured = tables.ratios(tables.rounds(_tables()))
    (axes,) = figure.targets(measured).axes
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"}
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert dict(zip(names, (dots[place] for place in axes.get_yticks()), strict=True)) == pytest.approx({
        "mnist, mlp: actbench / loop": 6 / 5, "mnist, mlp: its loader / loop": 0.2 / 0.25,
    })  # fmt: skip
    colours = {line.get_ydata()[0]: line.get_color() for line in axes.lines if line.get_marker() == "o"}
    colours = dict(zip(names, (colours[place] for place in axes.get_yticks()), strict=True))
    assert colours == {
        "mnist, mlp: its loader / loop": figure._COLOURS["missed"],
        "mnist, mlp: actbench / loop": figure._COLOURS["reached"],
    }


def test_a_part_is_named_once():
    row = {"case": "mnist, mlp", "is_part": True, "against": "default schedule"}
    named = figure._name(row | {"arm": "probes alone, default schedule"})
    assert named == "mnist, mlp: probes alone, share of time"
