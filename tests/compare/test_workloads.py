"""TODO."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from actbench.compare.workloads import NothingToReportError, workloads
from actbench.tables.schema import Tables, from_rows
from actbench.tables.text import text


def joined(*parts: Tables) -> Tables:
    return Tables(*(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True)))


def small(names: list[str], **config) -> Tables:
    return synthetic.tables(names, seeds=2, depth=1, epochs=1, **config)


def shown(made: Tables, **given) -> list[tuple[str, list[str]]]:
    return [(w.title, sorted(w.tables.runs["variant"].unique())) for w in workloads(made, **given)]


def test_activations_are_variants_of_one_workload_without_a_title() -> None:
    assert shown(small(["relu", "elu"])) == [("", ["elu", "relu"])]


def test_a_parameter_that_varies_within_an_activation_is_told() -> None:
    made = joined(small(["elu"], **{"act.alpha": 0.5}), small(["elu"], **{"act.alpha": 1.0}), small(["relu"]))
    assert shown(made) == [("", ["elu alpha=0.5", "elu alpha=1", "relu"])]


def test_a_parameter_that_differs_between_activations_only_is_not_told() -> None:
    made = joined(small(["elu"], **{"act.alpha": 1.0}), small(["celu"], **{"act.alpha": 2.0}))
    assert shown(made) == [("", ["celu", "elu"])]


def test_two_parameters_and_one_that_is_missing_in_some_runs() -> None:
    made = joined(small(["f"], **{"act.a": 1, "act.b": "x"}), small(["f"], **{"act.a": 2}))
    assert shown(made) == [("", ["f a=1 b=x", "f a=2 b=default"])]


def test_workloads_are_titled_by_what_differs_in_natural_order() -> None:
    made = joined(*(small(["relu"], **{"optim.lr": lr}) for lr in (0.1, 10.0, 0.01)))
    assert shown(made) == [(f"optim.lr={lr}", ["relu"]) for lr in ("0.01", "0.1", "10")]


def test_a_strangers_column_cannot_command_a_terminal() -> None:
    made = joined(*(small(["f"], **{"x\x1b[2J": x, "act.\x1b]0;p": p}) for x, p in ((1, 1), (2, 1), (2, 2))))
    assert shown(made) == [("x [2J=1", ["f  ]0;p=1"]), ("x [2J=2", ["f  ]0;p=1", "f  ]0;p=2"])]


def test_what_follows_from_the_option_chosen_is_not_told() -> None:
    made = joined(small(["relu"]), small(["relu"], **{"model": "cnn", "model.depth": None, "model.width": None}))
    assert [title for title, _ in shown(made)] == ["model=cnn", "model=mlp"]


def test_a_key_that_only_some_runs_have() -> None:
    made = joined(small(["relu"]), small(["relu"], **{"data.num_test": 360}))
    assert [title for title, _ in shown(made)] == ["data.num_test=360", "without data.num_test"]


def test_seeds_and_where_the_data_lie_make_no_workload() -> None:
    made = joined(
        small(["relu"], num_seeds=2, **{"data.root": "/a"}), small(["elu"], num_seeds=5, **{"data.root": "/b"})
    )
    assert shown(made) == [("", ["elu", "relu"])]


@pytest.mark.parametrize(("track", "workloads"), [("tuned", 1), ("tuned_lr", 1), ("matched_init", 2), ("shared", 2)])
def test_a_rate_that_the_track_chose_is_the_variants_own(track: str, workloads: int) -> None:
    made = joined(*(small([name], track=track, **{"optim.lr": lr}) for name, lr in (("relu", 0.1), ("elu", 0.3))))
    assert len(shown(made)) == workloads


def test_another_protocol_is_another_workload() -> None:
    made = small(["relu", "elu"])
    runs = made.runs.assign(protocol=made.runs["protocol"].where(made.runs["act"] == "relu", 2))
    assert shown(made._replace(runs=runs)) == [("PROTOCOL=1", ["relu"]), ("PROTOCOL=2", ["elu"])]


def test_run_ids_choose_workloads_and_bring_their_companions() -> None:
    digits, mnist = small(["relu", "elu"]), small(["relu", "mish"], data="mnist")
    chosen = mnist.runs["run_id"].iloc[0]
    assert shown(joined(digits, mnist), run_ids=[chosen]) == [("", ["mish", "relu"])]


def test_unknown_run_ids_are_an_error() -> None:
    with pytest.raises(NothingToReportError) as error:
        workloads(small(["relu"]), run_ids=["b", "a"])
    assert str(error.value) == "None of the runs a, b is in the tables."


def test_no_runs_and_no_activation_are_errors() -> None:
    with pytest.raises(NothingToReportError) as error:
        workloads(from_rows(runs=[]))
    assert str(error.value) == "The tables hold no run, so there is nothing to report."
    with pytest.raises(NothingToReportError) as error:
        workloads(from_rows(runs=[{"run_id": "a", "seed": 0, "step": 0, "epoch": 0, "protocol": 1}]))
    assert str(error.value) == "The table `runs` has no column `act`: a report compares activations by that column."


def test_the_same_seed_measured_twice_counts_once_and_a_finished_one_before_a_failed_one() -> None:
    first, again = small(["relu"]), small(["relu"], num_seeds=5)
    failed = first.runs["seed"] == 0
    first = first._replace(runs=first.runs.assign(status=first.runs["status"].where(~failed, "failed")))
    work = workloads(joined(first, again))[0]
    assert work.twice == 2
    assert list(work.tables.runs["seed"]) == [0, 1]
    assert set(work.tables.runs["status"]) == {"done"}
    assert len(work.tables.epochs) == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [(3.0, "3"), (0.1, "0.1"), (True, "true"), (None, ""), (float("nan"), ""), (pd.NA, ""), ("a\n b", "a b"),
     (np.array([16.0, 32.0]), "[16,32]"), (np.int64(7), "7"), (1e-05, "1e-05")],
)  # fmt: skip
def test_text_of_config_values(value: object, told: str) -> None:
    assert text(value) == told
