"""The learning rate of the tuned track: chosen by validation loss, never by test data, and used by the runs."""

from pathlib import Path

import commands
import pandas as pd
import pytest

from actbench.command import compose
from actbench.command.options import ConfigError
from actbench.measure import identity
from actbench.report.__main__ import main
from actbench.tables import schema, store
from actbench.tables.tuned import _rates, best_rates


def _runs(losses: dict[tuple[str, float], list[float]], **columns) -> pd.DataFrame:
    """A run for each activation and rate, with a seed for each loss."""
    rows = [
        {
            "run_id": f"{act}-{lr}",
            "seed": 1000 + i,
            "status": "done",
            "epoch": 1,
            "step": 1,
            "protocol": identity.PROTOCOL,
        }
        | {"act": act, "optim.lr": lr, "val_loss": loss}
        | columns
        for (act, lr), values in losses.items()
        for i, loss in enumerate(values)
    ]
    return schema.from_rows(runs=rows).runs


def test_the_rate_with_the_lowest_mean_validation_loss_is_chosen():
    """By hand, relu has means 0.5, 0.3, 0.4, and elu 0.2, 0.25, 0.9 with the best rate at the edge of the grid."""
    table = best_rates(
        _runs(
            {
                ("relu", 0.1): [0.3, 0.7], ("relu", 0.2): [0.2, 0.4], ("relu", 0.4): [0.1, 0.7],
                ("elu", 0.1): [0.2, 0.2], ("elu", 0.2): [0.2, 0.3], ("elu", 0.4): [0.9, 0.9],
            }
        )
    )  # fmt: skip
    assert table.to_dict("list") == {
        "act": ["elu", "relu"],
        "lr": [0.1, 0.2],
        "val_loss": pytest.approx([0.2, 0.3]),
        "num_seeds": [2, 2],
        "at_edge": [True, False],
    }


def test_test_data_plays_no_part():
    losses = {("relu", 0.1): [0.3, 0.7], ("relu", 0.2): [0.2, 0.4]}
    one, other = (best_rates(_runs(losses, test_loss=value)) for value in (0.0, 9.0))
    pd.testing.assert_frame_equal(one, other)


def test_runs_of_an_older_protocol_do_not_count():
    """They have the lowest loss and the lowest rate, which is neither chosen nor counted as the edge of the grid."""
    older = _runs({("relu", 0.1): [0.01]}).assign(protocol=identity.PROTOCOL - 1)
    newer = _runs({("relu", 0.2): [0.5], ("relu", 0.4): [0.6]})
    table = best_rates(pd.concat([older, newer], ignore_index=True))
    assert table.to_dict("list") == {
        "act": ["relu"], "lr": [0.2], "val_loss": [0.5], "num_seeds": [1], "at_edge": [True],
    }  # fmt: skip


def test_equal_losses_are_settled_by_the_lower_rate():
    assert best_rates(_runs({("relu", 0.2): [0.5], ("relu", 0.1): [0.5]}))["lr"].item() == 0.1


@pytest.fixture
def _tuned():
    _rates.cache_clear()
    runs = _runs({("relu", 0.01): [0.1], ("relu", 0.02): [0.05], ("relu", 0.04): [0.1]})
    store.land(schema.Tables(runs, *schema.from_rows(runs=[])[1:]), Path("results/mine/runs/a"))
    yield
    _rates.cache_clear()


@pytest.mark.usefixtures("_tuned")
def test_the_tuned_track_has_the_chosen_rate_and_the_matched_gain():
    shared, tuned = commands.jobs("+act=relu", "track=shared,tuned", "tuning=mine")
    assert (shared.config.optim.lr, shared.choices["init"], shared.choices["track"]) == (0.003, "torch", "shared")
    assert (tuned.config.optim.lr, tuned.choices["init"], tuned.choices["track"]) == (0.02, "matched", "tuned")


@pytest.mark.usefixtures("_tuned")
def test_the_resolved_rate_is_in_the_config_and_the_run_id(measure, job_of):
    runs = measure("+act=relu", "track=tuned", "tuning=mine").runs
    assert runs["optim.lr"].item() == 0.02
    assert runs["track"].item() == "tuned"
    assert "lr: 0.02" in Path("results/adhoc/runs", runs["run_id"].item(), "config.yaml").read_text()
    resolved, explicit = (
        job_of("+act=relu", "track=tuned", "tuning=mine"),
        job_of("+act=relu", "track=tuned", "optim.lr=0.02"),
    )
    assert identity.run_id(resolved) == identity.run_id(explicit)


@pytest.mark.usefixtures("_tuned")
def test_the_tracks_matched_init_and_tuned_lr_change_one_setting_each():
    jobs = commands.jobs("+act=relu", "track=matched_init,tuned_lr", "tuning=mine")
    assert [(job.config.optim.lr, job.choices["init"], job.choices["track"]) for job in jobs] == [
        (0.003, "matched", "matched_init"),
        (0.02, "torch", "tuned_lr"),
    ]


@pytest.mark.usefixtures("_tuned")
def test_an_activation_that_was_not_tuned_is_named():
    with pytest.raises(ConfigError) as error:
        compose.job_from(["+act=elu", "track=tuned", "tuning=mine"])
    assert str(error.value) == "mine has tuned no learning rate for act=elu: run it for that activation first."


@pytest.mark.usefixtures("_tuned")
def test_the_command_prints_and_writes_the_table(capsys):
    assert main(["--tuned", "results/mine"]) == 0
    assert "relu 0.02" in " ".join(capsys.readouterr().out.split())
    assert pd.read_csv("results/mine/tuned.csv").to_dict("list") == {
        "act": ["relu"], "lr": [0.02], "val_loss": [0.05], "num_seeds": [1], "at_edge": [False],
    }  # fmt: skip


def test_the_command_says_what_is_missing(capsys):
    assert main(["--tuned", "results/none"]) == 2
    assert capsys.readouterr().err == (
        "actbench.report: There are no results in results/none: a results folder holds tables/ or runs/. Give the "
        "folder that a run printed, for instance results/adhoc.\n"
    )
