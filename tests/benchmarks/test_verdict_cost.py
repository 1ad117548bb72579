"""The cost of a verdict: seeds by power, checked by simulation, and seconds by a line through two commands."""

import json
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from actbench.command.options import EXPERIMENTS
from actbench.measure.streams import PROTOCOL
from actbench.report.numbers import rounded
from actbench.tables import schema, store
from actbench.tables.store import write
from benchmarks.speed import answers, report, sample_size, verdict
from benchmarks.speed.answers import ALONE, ERRORS, FEW, LOOP, MANY, PAIR
from benchmarks.speed.harness import LeftOutError

DRAWS = 20_000


def _rejections(a, b, *, margin, paired):
    """The share of simulated comparisons, rows of a and b, in which scipy's two one-sided tests both reject."""
    ps = []
    for factor, side in ((1 + margin, "less"), (1 - margin, "greater")):
        if paired:
            ps.append(scipy.stats.ttest_1samp(a - factor * b, 0, axis=1, alternative=side).pvalue)
        else:
            ps.append(scipy.stats.ttest_ind(a, factor * b, axis=1, alternative=side).pvalue)
    return np.mean(np.maximum(*ps) < sample_size.ALPHA)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("spread", [0.2, 0.35])
def test_so_many_seeds_have_the_power_and_one_less_has_not(paired, spread):
    """Errors of mean 1 with this spread and a correlation of .8, margin .25: 9 to 40 seeds, drawn 20,000 times."""
    rng, margin, correlation = np.random.default_rng(0), 0.25, 0.8
    covariance = spread**2 * np.array([[1, correlation], [correlation, 1]])
    factors = np.array([1 + margin, 1 - margin])
    ends = margin / np.sqrt(
        [covariance[0, 0] + f * f * covariance[1, 1] - 2 * f * covariance[0, 1] * paired for f in factors]
    )
    n = sample_size.num_seeds(ends, groups=1 if paired else 2)
    for seeds, has_power in ((n, True), (n - 1, False)):
        draws = rng.multivariate_normal([1, 1], covariance, size=(DRAWS, seeds))
        b = draws[..., 1] if paired else rng.normal(1, spread, size=(DRAWS, seeds))
        share = _rejections(draws[..., 0], b, margin=margin, paired=paired)
        # 20,000 draws have a standard error of .002.
        assert share > sample_size.POWER - 0.006 if has_power else share < sample_size.POWER + 0.006


def test_seeds_that_would_not_end_are_refused():
    with pytest.raises(ValueError, match="need over 100,000 seeds"):
        sample_size.num_seeds([1e-4, 1e-4], groups=1)


def test_pairing_pays_where_errors_go_together():
    rng = np.random.default_rng(1)
    shared, own = rng.normal(0.03, 0.005, size=200), rng.normal(0, 0.002, size=(2, 200))
    paired, unpaired = sample_size.paired_and_unpaired(shared + own, margin=0.1)
    assert unpaired > 3 * paired
    same, apart = sample_size.paired_and_unpaired(rng.normal(0.03, 0.005, size=(2, 200)), margin=0.1)
    assert apart == pytest.approx(same, rel=0.25)


def _rounds(*, rounds=6, slower=1.0):
    """A start of 5 s, 2 s a seed with two processes and 3 s with one, and a loop of 40 s a seed."""
    rng = np.random.default_rng(2)
    errors = {act: (0.03 + rng.normal(0, 0.003, size=30)).tolist() for act in PAIR}
    rows = [
        {"comparison": "verdict", "case": "digits, mlp", "arm": arm, "seed": seed, "work": float(work)}
        | {"train_seconds": (1 + seed / 10) * seconds, "left_out": "", "values": json.dumps(values)}
        for seed in range(rounds)
        for arm, work, seconds, values in (
            (FEW, 2, 9, {}), (MANY, 20, 9 + 36 * slower, {}), (ALONE, 20, 65, {}), (LOOP, 1, 40, {}),
            (ERRORS, 30, 1, errors),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows), np.array([errors[act] for act in PAIR])


def test_seconds_of_a_verdict_are_a_line_in_its_seeds():
    """The median round is a quarter slower than the first one, in all arms."""
    rounds, errors = _rounds()
    paired, unpaired = sample_size.paired_and_unpaired(errors, margin=0.1)
    table = answers.answers(rounds).set_index("factor")
    row = table.loc["whole"]
    assert (row["paired"], row["unpaired"]) == (paired, unpaired)
    seconds = [row[name] / 1.25 for name in ("ours", "without_pairing", "in_one_process", "tutorial")]
    assert seconds == pytest.approx([5 + 2 * paired, 5 + 2 * unpaired, 5 + 3 * unpaired, 40 * unpaired])
    assert row["ratio"] == pytest.approx(40 * unpaired / (5 + 2 * paired))
    assert table.loc[["pairing", "parallel", "loop"], "ratio"].prod() == pytest.approx(row["ratio"])
    assert (table["low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["high"]).all()


def test_the_page_opens_with_the_seconds_of_a_verdict(tmp_path):
    rounds, _ = _rounds()
    runs = [
        {"run_id": "a", "seed": seed, "status": "done", "epoch": 0, "step": 0, "protocol": 3}
        | {"task": "speed", "task.comparison": "verdict", "device_name": "a CPU"}
        for seed in range(6)
    ]
    rows = rounds.assign(
        run_id="a",
        epoch=rounds.groupby("seed").cumcount(),
        step=0,
        unit="seeds",
        against="{}",
        load=1.0,
        accuracy=np.nan,
    )
    rows.loc[rows["arm"] == ERRORS, "unit"] = "values"
    rows = rows.assign(wall_seconds=rows["train_seconds"], cpu_seconds=rows["train_seconds"])
    write(schema.from_rows(runs=runs, epochs=rows.to_dict("records")), tmp_path / "tables")
    report.write(tmp_path, store.collect(tmp_path), [])
    text = (tmp_path / "report.md").read_text("utf-8")
    cost = pd.read_csv(tmp_path / "statistics" / "verdicts.csv").iloc[-1]
    first = text.split("\n\n")[1]
    numbers = [rounded(cost[name]) for name in ("ours", "paired", "unpaired", "tutorial", "ratio")]
    assert re.findall(r"(?<![\d.,])[\d.,]*\d(?![\d,])", first)[:5] == numbers
    assert f"| digits, mlp: a verdict by actbench / by the tutorial's loop | {numbers[-1]} [" in text
    assert ERRORS not in text


def test_a_verdict_has_no_interval_of_few_rounds_and_none_where_more_seeds_took_no_longer():
    few = answers.answers(_rounds(rounds=5)[0]).set_index("factor").loc["whole"]
    assert (np.isnan(few["low"]), few["verdict"]) == (True, "open")
    assert answers.answers(_rounds(slower=-0.1)[0])["ratio"].isna().any()
    rounds, _ = _rounds()
    assert answers.answers(rounds[rounds["arm"] != LOOP]).empty


def test_a_command_is_timed_to_its_report_with_other_seeds_in_each_round(monkeypatch):
    calls = []

    def run(arguments, *, cwd, **_):
        calls.append(arguments[3:])
        folder = verdict.Path(cwd, "results", "digits_mlp")
        folder.mkdir(parents=True)
        (folder / "report.html").touch()
        return subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setattr(verdict.subprocess, "run", run)
    monkeypatch.setattr(verdict.joblib, "cpu_count", lambda: 2)
    for seed in (0, 3):
        assert verdict._command(verdict.QUESTIONS[0], seed, 4, 2)().seconds > 0
    assert [next(word for word in words if word.startswith("seed=")) for words in calls] == ["seed=0", "seed=12"]
    assert all({"num_seeds=4", "+act=mish,relu", "hydra.launcher.n_jobs=2"} <= set(words) for words in calls)


def test_a_command_that_fails_is_not_timed(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "out of luck")
    monkeypatch.setattr(verdict.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="exited with 1: out of luck"):
        verdict._command(verdict.QUESTIONS[0], 0, 2, 1)()


def test_an_epoch_of_a_long_training_stands_for_all(monkeypatch):
    """Three of 25 epochs last as long as is timed: .4 s each, and .1 s for the test."""
    clock = iter([10.0, 10.4, 10.8, 11.2, 11.2, 11.3])
    monkeypatch.setattr(verdict, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(verdict.loops, "tutorial_train", lambda *_, **__: None)
    monkeypatch.setattr(verdict.loops, "tutorial_test", lambda *_: 0.9)
    (job,) = [verdict.compose.job_from(["+experiment=digits_mlp", "+act=relu"])]
    assert verdict._seconds(job, None, None, None) == pytest.approx(1.2 * 25 / 3 + 0.1)


def test_errors_are_those_of_the_seeds_that_both_have(monkeypatch, tmp_path):
    runs = [
        {"run_id": f"{act}{protocol}", "status": "done", "epoch": 1, "step": 1, "act": act, "seed": seed}
        | {"track": "shared", "protocol": protocol, "test_accuracy": 0.9 + seed / 1000}
        for act, seeds, protocol in (
            ("mish", range(12), PROTOCOL), ("relu", range(2, 14), PROTOCOL), ("relu", range(2), 1),
        )
        for seed in seeds
    ]  # fmt: skip
    monkeypatch.setattr(verdict, "RESULTS", tmp_path)
    write(schema.from_rows(runs=runs), tmp_path / "digits_mlp" / "tables")
    sample = verdict._errors(verdict.QUESTIONS[0])()
    assert sample.work == 10
    assert sample.values["mish"] == pytest.approx([0.1 - seed / 1000 for seed in range(2, 12)])


def test_a_question_without_published_seeds_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(verdict, "RESULTS", tmp_path)
    with pytest.raises(
        LeftOutError, match=r"lacks ten seeds of mish and relu: python -m actbench -m \+experiment=digits_mlp"
    ):
        verdict._errors(verdict.QUESTIONS[0])


@pytest.mark.parametrize("question", verdict.QUESTIONS, ids=lambda question: question.experiment)
def test_a_question_is_that_of_a_published_experiment(question):
    assert question.experiment in {path.stem for path in EXPERIMENTS.glob("*.yaml")}
    assert question.few < question.many
    assert question.case in answers.AIMS
