"""Successive halving as a function of the runs: what goes on, what is chosen; a killed tuning decides the same."""

import itertools
import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import rng

from actbench.compare import halving
from actbench.tables import schema, tuning
from actbench.tables.tuning import Setting, Tuning

RATES, INITS = (0.001, 0.003, 0.01, 0.03), ("torch", "lsuv")
SHARED = Setting(0.003, "torch")
ASKED = Tuning(1000, (1, 3, 6), (4, 2), RATES, INITS, SHARED, {"protocol": "3", "data": "digits"})
GRID = [Setting(rate, init) for rate in RATES for init in INITS]
NUM_PACKS = len(ASKED.rungs)


class Errors(dict):
    """The error and the loss of each setting on each seed: drawn for it, whatever the order in which they are asked."""

    def __missing__(self, key: tuple[Setting, int]) -> tuple[float, float]:
        setting, seed = key
        draw = rng(hash((setting.lr, len(setting.init), seed, self.get("seed", 0))) % 2**32)
        return draw.integers(0, 20) / 360, float(draw.uniform())


def measure(measured: dict, errors: Errors, packs: list) -> None:
    for setting, rung in packs:
        first, count = ASKED.pack(rung)
        seeds = measured.setdefault(setting, {})
        seeds.update({seed: errors[setting, seed] for seed in range(first, first + count)})


def whole(errors: Errors, measured: dict | None = None) -> tuple[halving.Course, int]:
    """The course at its end, and the number of runs that it took."""
    measured, count = {} if measured is None else measured, 0
    while (course := halving.course(measured, ASKED)).waiting:
        count += len(course.waiting)
        measure(measured, errors, course.waiting)
    return course, count


drawn = st.integers(0, 10_000).map(lambda seed: Errors(seed=seed))


@given(drawn, st.sampled_from(GRID))
def test_the_best_on_every_seed_is_chosen_and_the_shared_setting_is_among_the_last(errors, best):
    for seed in range(1000, 1006):
        errors[best, seed] = (-1.0, 1.0)
    course, count = whole(errors)
    last = [row for row in course.rungs if row[0] == ASKED.rungs[-1]]
    assert course.choice == best
    assert last[0][1:3] == tuple(best)
    assert tuple(SHARED) in [row[1:3] for row in last]
    assert count <= halving.course({}, ASKED).most


@given(drawn)
def test_each_rung_is_the_ranking_by_mean_error(errors):
    """Recomputed with pandas, rung by rung, from the settings that the rung before let go on."""
    course, _ = whole(errors)
    frame = pd.DataFrame(course.rungs, columns=list(halving.RUNGS))
    left = GRID
    for num_seeds, kept in zip(ASKED.rungs[:-1], ASKED.keep, strict=True):
        rows = frame[frame["num_seeds"] == num_seeds]
        means = pd.DataFrame(
            [np.mean([errors[setting, seed] for seed in range(1000, 1000 + num_seeds)], axis=0) for setting in left],
            index=pd.MultiIndex.from_tuples(left),
        ).round(12)
        order = means.sort_values([0, 1]).index
        assert list(zip(rows["lr"], rows["init"], strict=True)) == list(order)
        expected = {*order[:kept], SHARED}
        assert {tuple(row) for row in rows.loc[rows["goes_on"], ["lr", "init"]].to_numpy()} == expected
        left = [Setting(*each) for each in expected]


@given(drawn, st.randoms(use_true_random=False), st.integers(0, 5))
def test_a_tuning_that_is_killed_again_and_again_decides_the_same(errors, random, num_extra):
    """Runs land one by one in any order, and some that nobody asked for are there from the beginning."""
    measured: dict = {}
    extra = [(setting, rung) for setting in [*GRID, Setting(0.1, "lsuv")] for rung in range(NUM_PACKS)]
    measure(measured, errors, random.sample(extra, num_extra))
    while (course := halving.course(measured, ASKED)).waiting:
        measure(measured, errors, [random.choice(course.waiting)])
        assert halving.course(measured, ASKED).most < course.most
    once, _ = whole(errors)
    assert (course.choice, course.rungs, course.at_edge) == (once.choice, once.rungs, once.at_edge)


def falling_to(best: float) -> Errors:
    """The error is the distance of the rate from the best one, in logarithms; lsuv is always a little worse."""

    class Distance(Errors):
        def __missing__(self, key):
            (rate, init), _ = key
            return abs(np.log(rate / best)) + 0.1 * (init == "lsuv"), 0.0

    return Distance()


@pytest.mark.parametrize(
    ("best", "chosen", "at_edge", "beyond"),
    [
        (0.003, 0.003, False, []),
        (0.1, 0.1, False, [0.1, 0.3]),
        (1.0, 1.0, True, [0.1, 0.3, 1.0]),
        (9.0, 1.0, True, [0.1, 0.3, 1.0]),
        (0.0003, 0.0003, False, [0.0003, 0.0001]),
        (1e-9, 3e-5, True, [0.0003, 0.0001, 3e-5]),
    ],
)
def test_a_choice_at_the_edge_extends_the_grid_by_a_step_three_times_at_most(best, chosen, at_edge, beyond):
    course, _ = whole(falling_to(best))
    assert (course.choice, course.at_edge) == (Setting(chosen, "torch"), at_edge)
    extended = [setting for setting, _ in course.packs if setting not in GRID]
    assert extended == [Setting(rate, "torch") for rate in beyond for _ in range(NUM_PACKS)]
    last = [row for row in course.rungs if row[0] == ASKED.rungs[-1]]
    assert {row[1] for row in last} >= {*beyond, SHARED.lr}
    assert [row[-2:] for row in last] == [(place, place == 1) for place in range(1, len(last) + 1)]


def test_without_a_step_there_is_nothing_beyond_the_edge():
    asked = Tuning(1000, (1,), (), (0.003, 0.01), ("torch",), SHARED, {})
    course = halving.course({SHARED: {1000: (0.1, 0.0)}, Setting(0.01, "torch"): {1000: (0.2, 0.0)}}, asked)
    assert (course.choice, course.at_edge, course.waiting) == (SHARED, True, [])


def test_equal_errors_are_settled_by_the_loss_then_by_the_shared_setting_then_by_the_lower_rate():
    """The means of .1 and .3, and of .2 and .2, differ by rounding alone."""
    asked = Tuning(1000, (2,), (), (0.001, 0.003, 0.01), ("torch",), SHARED, {})
    low, high = Setting(0.001, "torch"), Setting(0.01, "torch")

    def order(*scores):
        measured = {s: dict(enumerate(seeds, 1000)) for s, seeds in zip((low, SHARED, high), scores, strict=True)}
        return [row[1] for row in halving.course(measured, asked).rungs]

    uneven, even = [(0.1, 0.5), (0.3, 0.5)], [(0.2, 0.5), (0.2, 0.5)]
    assert order(uneven, even, [(0.2, 0.5), (0.2, 0.4)]) == [0.01, 0.003, 0.001]
    assert order(even, uneven, even) == [0.003, 0.001, 0.01]


def runs(**columns) -> pd.DataFrame:
    """A row for each of two settings and three seeds of one activation, done but for what `columns` says."""
    rows = [
        {"run_id": f"{act}-{lr}-{seed}", "seed": seed, "status": "done", "epoch": 1, "step": 1, "protocol": 3}
        | {"act": act, "data": "digits", "init": "torch", "optim.lr": lr, "val_accuracy": 0.9, "val_loss": 0.3}
        | ({"act.alpha": 1.0} if act == "elu" else {})
        | columns
        for act, lr, seed in itertools.product(("relu", "elu"), (0.003, 0.01), (1000, 1001, 1002))
    ]
    return schema.from_rows(runs=rows).runs


def test_scores_are_those_of_the_tunings_own_runs():
    frame = pd.concat([
        runs(), runs(data="mnist", val_accuracy=0.1), runs(protocol=2, val_accuracy=0.2),
        runs(seed=7, val_accuracy=0.3), runs(status="failed", val_accuracy=None),
        runs(**{"data.num_train": 500}, val_accuracy=0.4),
    ])  # fmt: skip
    by_seed = dict.fromkeys((1000, 1001, 1002), (pytest.approx(0.1), 0.3))
    expected = {Setting(0.003, "torch"): by_seed, Setting(0.01, "torch"): by_seed}
    assert halving.scores(frame, ASKED) == {("relu", "{}"): expected, ("elu", '{"alpha": 1.0}'): expected}


def test_without_an_accuracy_a_run_ranks_last():
    scores = halving.scores(runs(val_accuracy=np.nan), ASKED)["relu", "{}"]
    assert scores[SHARED][1000] == (np.inf, 0.3)


def test_choices_as_tables():
    asked = Tuning(1000, (2, 3), (1,), (0.003, 0.01), ("torch",), SHARED, {"protocol": "3", "data": "digits"})
    frame = runs()
    better = frame["optim.lr"].eq(0.01) & frame["act"].eq("elu")
    frame["val_accuracy"] = frame["val_accuracy"].where(~better, 0.95)
    missing = frame["act"].eq("relu") & frame["seed"].eq(1002)
    chosen, rungs = halving.choices(frame[~missing], asked)
    assert chosen.to_dict("records") == [
        {"act": "elu", "parameters": '{"alpha": 1.0}', "lr": 0.01, "init": "torch", "val_error": pytest.approx(0.05),
         "val_loss": pytest.approx(0.3), "num_seeds": 3, "at_edge": True, "is_shared": False}
    ]  # fmt: skip
    assert rungs.groupby(["act", "num_seeds"]).size().to_dict() == {("elu", 2): 2, ("elu", 3): 2, ("relu", 2): 2}


def test_a_tuning_is_read_as_it_was_written(tmp_path):
    tuning.write(ASKED, tmp_path)
    assert tuning.read(tmp_path) == ASKED


BROKEN = {"rungs": [], "keep": ["x"], "rates": [0.1], "first_seed": None, "inits": [[]], "workload": ["a"]}
WHOLE = json.dumps(asdict(ASKED))


@pytest.mark.parametrize("text", ["", "[]", "{}", *(json.dumps(json.loads(WHOLE) | {k: v}) for k, v in BROKEN.items())])
def test_a_tuning_that_cannot_be_read_is_named(text, tmp_path):
    with pytest.raises(ValueError, match="There is no tuning in"):
        tuning.read(tmp_path)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "tuning.json").write_text(text)
    with pytest.raises(ValueError, match="cannot be read: repeat the command"):
        tuning.read(tmp_path)
