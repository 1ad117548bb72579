"""The report on speed: ratios paired by round, intervals of order statistics, verdicts, and arms left out."""

import json

import numpy as np
import pandas as pd
import pytest

from actbench.compare.workloads import NothingToReportError
from actbench.report import results_folder
from actbench.tables import schema, store
from actbench.tables.store import write
from benchmarks.speed import figure, report, tables


def _tables(rounds=6, *, fast=6.0):
    """A machine that gets slower from round to round: actbench is `fast` times as fast as the loop in each."""
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
        for number, (arm, unit, speed, against, left_out) in enumerate(rows):
            seconds = (1 + seed) / speed
            epochs.append(
                {"run_id": "a", "seed": seed, "epoch": number, "step": 0, "case": "mnist, mlp", "arm": arm}
                | {"unit": unit, "against": against, "work": 12.0, "train_seconds": seconds, "wall_seconds": seconds}
                | {"cpu_seconds": seconds, "accuracy": 0.9, "load": 1.0, "left_out": left_out}
            )
    return schema.from_rows(runs=runs, epochs=epochs)


def test_a_ratio_is_paired_by_round():
    ratios = tables.ratios(tables.rounds(_tables())).set_index("arm")
    assert ratios.loc["actbench", ["ratio", "low", "high", "n"]].tolist() == pytest.approx([6, 6, 6, 6])
    assert ratios.loc["its loader", "ratio"] == pytest.approx(1 / 4)  # for a part, the share of time
    assert ratios["verdict"].tolist() == ["reached", "missed"]
    assert (ratios["accuracy_gain"] == 0).all()


def test_a_gain_in_accuracy_is_paired_by_round_too():
    """The gains of the six seeds are .01, .02, … .06: their median is .035, their interval the extremes."""
    speed = _tables()
    accuracy = speed.epochs["accuracy"] + (1 + speed.epochs["seed"]) / 100 * (speed.epochs["arm"] == "actbench")
    ratios = tables.ratios(tables.rounds(speed._replace(epochs=speed.epochs.assign(accuracy=accuracy))))
    gains = ["accuracy_gain", "accuracy_gain_low", "accuracy_gain_high"]
    assert ratios.set_index("arm").loc["actbench", gains].tolist() == pytest.approx([0.035, 0.01, 0.06])
    header, first, part = tables.ratio_rows(ratios)
    assert (header[-1], first[-1], part[-1]) == ("accuracy gained", "0.035 [0.01, 0.06]", "")


def test_rounds_of_an_older_protocol_do_not_count():
    """Of this comparison; another one that was not measured again keeps its own."""
    older, newer = _tables(fast=9.0), _tables(rounds=3)
    other = [frame.assign(run_id="c") for frame in older]
    other[0]["task.comparison"] = "loops"
    newer = [frame.assign(run_id="b") for frame in newer]
    newer[0]["protocol"] = 3
    ratios = tables.ratios(tables.rounds(schema.Tables(*map(pd.concat, zip(older, newer, other, strict=True)))))
    ratios = ratios[ratios["arm"] == "actbench"].set_index("comparison")
    assert ratios["ratio"].to_dict() == pytest.approx({"tutorial": 6, "loops": 9})
    assert ratios["n"].to_dict() == {"tutorial": 3, "loops": 6}


def _with_seconds(arm, seconds):
    """The loop takes a second in each round, and an arm these seconds; as many rounds as there are seconds."""
    speed = _tables(len(seconds))
    taken = speed.epochs["seed"].map(dict(enumerate(seconds))).where(speed.epochs["arm"] == arm, 1.0)
    return speed._replace(epochs=speed.epochs.assign(train_seconds=taken))


@pytest.mark.parametrize(
    ("low", "high", "rounds", "verdict"),
    [(5, 6, 6, "reached"), (4, 6, 6, "open"), (3, 4, 6, "missed"), (6, 7, 5, "open")],
)
def test_the_verdict_is_whether_the_interval_reaches_the_target(low, high, rounds, verdict):
    """The interval of six rounds is their extremes; five rounds have none. The target is 5."""
    speed = _with_seconds("actbench", 1 / np.linspace(low, high, rounds))
    assert tables.ratios(tables.rounds(speed)).set_index("arm").loc["actbench", "verdict"] == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.2, "reached"), (0.1, 0.3, "open"), (0.2, 0.3, "open"), (0.3, 0.4, "missed")],
)
def test_the_verdict_of_a_part_is_whether_it_keeps_below_its_target(low, high, verdict):
    speed = _with_seconds("its loader", np.linspace(low, high, 6))
    assert tables.ratios(tables.rounds(speed)).set_index("arm").loc["its loader", "verdict"] == verdict


def test_the_interval_of_a_median_is_made_of_order_statistics():
    """The extremes of six values hold the median with 1 − 2/2^6 = 97 %; no two of five values hold it with 95 %."""
    assert tables.median(pd.Series([3.0, 1, 2, 6, 5, 4])) == (3.5, 1, 6)
    middle, low, high = tables.median(pd.Series([3.0, 1, 2, 5, 4]))
    assert (middle, np.isnan(low), np.isnan(high)) == (3, True, True)
    assert np.isnan(tables.median(pd.Series([np.nan]))).all()


def test_the_report_gives_ratios_verdicts_and_why_an_arm_was_left_out(tmp_path):
    write(_tables(), tmp_path / "tables")
    report.write(tmp_path, store.collect(tmp_path), [])
    markdown = (tmp_path / "report.md").read_text("utf-8")
    opening, *_ = markdown.partition("<details>")
    assert opening.startswith(f"# {report.TITLE}\n\n**1 of 2 goals is reached on a CPU.**\n\n![")
    assert "\n## " not in markdown
    assert "| mnist, mlp: actbench / loop | 6 [6, 6] | ≥ 5 | reached | 6 |" in markdown
    assert "| mnist, mlp: its loader / loop | 0.25 [0.25, 0.25] | ≤ 0.2 | missed | 6 |" in markdown
    assert "| mnist, mlp | actbench | loop | 6 [6, 6] | 6 | ≥ 5 | reached | 0 [0, 0] |" in markdown
    assert r"Left out: Lightning is not \<b\>installed\</b\>." in markdown
    assert (tmp_path / "figures" / "targets.png").stat().st_size > 5000
    assert "<b>installed" not in (tmp_path / "report.html").read_text("utf-8")
    assert {path.name for path in (tmp_path / "statistics").iterdir()} == {"rates.csv", "ratios.csv"}


def test_a_missed_goal_is_in_the_table(tmp_path):
    write(_tables(fast=4.0), tmp_path / "tables")
    report.write(tmp_path, store.collect(tmp_path), [])
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "| mnist, mlp: actbench / loop | 4 [4, 4] | ≥ 5 | missed | 6 |" in markdown


def test_the_report_on_activations_leaves_a_folder_of_speed_alone(tmp_path):
    """It would have nothing to say, and would replace what benchmarks.speed wrote."""
    measured = _tables()
    write(measured._replace(runs=measured.runs.assign(act="relu")), tmp_path / "tables")
    with pytest.raises(NothingToReportError) as caught:
        results_folder.write(tmp_path)
    sentence = "have neither a loss nor layers, so there is nothing to compare activations by."
    assert str(caught.value) == f"The runs in {tmp_path} {sentence}"
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_a_column_without_values_is_not_stored_and_read_as_missing(tmp_path):
    speed = _tables()
    write(speed._replace(epochs=speed.epochs.assign(accuracy=np.nan)), tmp_path / "tables")
    rounds = tables.rounds(store.collect(tmp_path))
    assert tables.ratios(rounds)["accuracy_gain"].isna().all()
    rates = tables.rates(rounds).set_index("arm")
    assert rates["accuracy"].isna().all()
    # 12 samples in 1/6, 2/6, … 6/6 of a second: the median of the rates 72, 36, 24, 18, 14.4, 12.
    assert rates.loc["actbench", ["rate", "n"]].tolist() == pytest.approx([21, 6])


def test_the_figure_puts_reached_targets_right_of_the_line():
    """A ratio is divided by its target; the target of a part is divided by its share."""
    ratios = tables.ratios(tables.rounds(_tables()))
    (axes,) = figure.targets(ratios).axes
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"}
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert dict(zip(names, (dots[y] for y in axes.get_yticks()), strict=True)) == pytest.approx({
        "mnist, mlp: actbench / loop": 6 / 5, "mnist, mlp: its loader / loop": 0.2 / 0.25,
    })  # fmt: skip
    missed, reached = (line.get_color() for line in axes.lines if line.get_marker() == "o")
    assert missed != reached


def test_a_part_is_named_without_repeating_its_whole():
    ratios = tables.ratios(tables.rounds(_tables())).query("is_part")
    ratios = ratios.assign(arm="probes alone, default schedule", against="default schedule")
    (axes,) = figure.targets(ratios).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["mnist, mlp: probes alone, share of time"]
