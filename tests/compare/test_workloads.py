"""Which runs make one workload, which variants it has, and what it is called."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from pages import concatenated

from actbench.compare.workloads import NothingToReportError, workloads
from actbench.tables.schema import Tables, from_rows
from actbench.tables.text import text


def small(names: list[str], **config) -> Tables:
    return synthetic.tables(names, seeds=2, depth=1, epochs=1, **config)


def contents(tables: Tables, **options) -> list[tuple[str, list[str]]]:
    """Title and variants of each workload."""
    return [(w.title, sorted(w.tables.runs["variant"].unique())) for w in workloads(tables, **options)]


def test_activations_are_variants_of_one_workload_without_a_title() -> None:
    assert contents(small(["relu", "elu"])) == [("", ["elu", "relu"])]


def test_a_parameter_that_varies_within_an_activation_is_part_of_the_variant() -> None:
    tables = concatenated(small(["elu"], **{"act.alpha": 0.5}), small(["elu"], **{"act.alpha": 1.0}), small(["relu"]))
    assert contents(tables) == [("", ["elu alpha=0.5", "elu alpha=1", "relu"])]


def test_a_parameter_that_differs_between_activations_only_is_no_part_of_the_variant() -> None:
    tables = concatenated(small(["elu"], **{"act.alpha": 1.0}), small(["celu"], **{"act.alpha": 2.0}))
    assert contents(tables) == [("", ["celu", "elu"])]


def test_a_parameter_that_some_runs_do_not_have_is_called_default() -> None:
    tables = concatenated(small(["f"], **{"act.a": 1, "act.b": "x"}), small(["f"], **{"act.a": 2}))
    assert contents(tables) == [("", ["f a=1 b=x", "f a=2 b=default"])]


def test_titles_say_what_differs_and_workloads_are_in_numerical_order() -> None:
    tables = concatenated(*(small(["relu"], **{"optim.lr": lr}) for lr in (0.1, 10.0, 0.01)))
    assert contents(tables) == [(f"optim.lr={lr}", ["relu"]) for lr in ("0.01", "0.1", "10")]


def test_control_characters_in_column_names_do_not_reach_a_title() -> None:
    tables = concatenated(*(small(["f"], **{"x\x1b[2J": x, "act.\x1b]0;p": p}) for x, p in ((1, 1), (2, 1), (2, 2))))
    assert contents(tables) == [("x [2J=1", ["f  ]0;p=1"]), ("x [2J=2", ["f  ]0;p=1", "f  ]0;p=2"])]


def test_keys_that_follow_from_the_chosen_option_are_not_in_the_title() -> None:
    tables = concatenated(
        small(["relu"]), small(["relu"], **{"model": "cnn", "model.depth": None, "model.width": None})
    )
    assert [title for title, _ in contents(tables)] == ["model=cnn", "model=mlp"]


def test_a_title_says_without_for_a_key_that_only_other_workloads_have() -> None:
    tables = concatenated(small(["relu"]), small(["relu"], **{"data.num_test": 360}))
    assert [title for title, _ in contents(tables)] == ["data.num_test=360", "without data.num_test"]


def test_seeds_and_the_folder_of_the_data_make_no_workload() -> None:
    tables = concatenated(
        small(["relu"], num_seeds=2, **{"data.root": "/a"}), small(["elu"], num_seeds=5, **{"data.root": "/b"})
    )
    assert contents(tables) == [("", ["elu", "relu"])]


@pytest.mark.parametrize(("track", "count"), [("tuned", 1), ("tuned_lr", 1), ("tuned_init", 2), ("shared", 2)])
def test_a_rate_that_the_track_chose_makes_no_workload(track: str, count: int) -> None:
    tables = concatenated(
        *(small([name], track=track, **{"optim.lr": lr}) for name, lr in (("relu", 0.1), ("elu", 0.3)))
    )
    assert len(contents(tables)) == count


def test_another_protocol_is_another_workload() -> None:
    tables = small(["relu", "elu"])
    runs = tables.runs.assign(protocol=tables.runs["protocol"].where(tables.runs["act"] == "relu", 2))
    assert contents(tables._replace(runs=runs)) == [("PROTOCOL=1", ["relu"]), ("PROTOCOL=2", ["elu"])]


def test_run_ids_select_whole_workloads() -> None:
    digits, mnist = small(["relu", "elu"]), small(["relu", "mish"], data="mnist")
    run_id = mnist.runs["run_id"].iloc[0]
    assert contents(concatenated(digits, mnist), run_ids=[run_id]) == [("", ["mish", "relu"])]


def test_unknown_run_ids_are_an_error() -> None:
    with pytest.raises(NothingToReportError) as error:
        workloads(small(["relu"]), run_ids=["b", "a"])
    assert str(error.value) == "None of the runs a, b is in the tables."


def test_tables_without_runs_or_activations_are_an_error() -> None:
    with pytest.raises(NothingToReportError) as error:
        workloads(from_rows(runs=[]))
    assert str(error.value) == "The tables hold no run, so there is nothing to report."
    with pytest.raises(NothingToReportError) as error:
        workloads(from_rows(runs=[{"run_id": "a", "seed": 0, "step": 0, "epoch": 0, "protocol": 1}]))
    assert str(error.value) == "The table `runs` has no column `act`: a report compares activations by that column."


def test_a_seed_measured_twice_counts_once_and_a_failed_run_gives_way() -> None:
    first, again = small(["relu"]), small(["relu"], num_seeds=5)
    failed = first.runs["seed"] == 0
    first = first._replace(runs=first.runs.assign(status=first.runs["status"].where(~failed, "failed")))
    work = workloads(concatenated(first, again))[0]
    assert work.twice == 2
    assert list(work.tables.runs["seed"]) == [0, 1]
    assert set(work.tables.runs["status"]) == {"done"}
    assert len(work.tables.epochs) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.0, "3"), (0.1, "0.1"), (True, "true"), (None, ""), (float("nan"), ""), (pd.NA, ""), ("a\n b", "a b"),
     (np.array([16.0, 32.0]), "[16,32]"), (np.int64(7), "7"), (1e-05, "1e-05")],
)  # fmt: skip
def test_text_of_config_values(value: object, expected: str) -> None:
    assert text(value) == expected


def test_a_users_function_with_a_name_that_is_taken_goes_by_its_path() -> None:
    """Also in tables of an earlier version, which stored the bare name; an edited one is told from the older."""
    mine = [small(["relu"], **{"act.target": "mine.relu", "act.source": source}) for source in ("1a", "2b")]
    tables = concatenated(small(["relu", "tanh"]), *mine)
    assert contents(tables) == [("", ["mine.relu source=1a", "mine.relu source=2b", "relu", "tanh"])]


def test_two_functions_of_a_user_with_one_name_go_by_their_paths() -> None:
    mine = [small(["f"], **{"act.target": f"{module}.f", "act.source": module}) for module in ("a", "b")]
    assert contents(concatenated(*mine)) == [("", ["a.f", "b.f"])]


def test_a_users_function_alone_goes_by_its_name() -> None:
    tables = concatenated(small(["relu"]), small(["f"], **{"act.target": "mine.f", "act.source": "1a"}))
    assert contents(tables) == [("", ["f", "relu"])]
