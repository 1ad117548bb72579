"""What a tuning chose for an activation becomes the learning rate and the init of a job, and part of its identity."""

from pathlib import Path

import commands
import pandas as pd
import pytest

from actbench.command import compose
from actbench.command.options import ConfigError
from actbench.measure import identity

CHOICES = [
    {"act": "relu", "parameters": "{}", "lr": 0.02, "init": "lsuv"},
    {"act": "tanh", "parameters": "{}", "lr": 0.003, "init": "torch"},
    {"act": "elu", "parameters": '{"alpha": 1.0}', "lr": 0.01, "init": "torch"},
    {"act": "elu", "parameters": '{"alpha": 0.5}', "lr": 0.03, "init": "lsuv"},
]


@pytest.fixture(autouse=True)
def _tuned():
    path = Path("results/mine/statistics/tuning.csv")
    path.parent.mkdir(parents=True)
    pd.DataFrame(CHOICES).to_csv(path, index=False)


def settings(*argv: str) -> list[tuple]:
    jobs = commands.jobs(*argv, "tuning=mine")
    return [(job.choices["act"], job.choices["track"], job.config.optim.lr, job.choices["init"]) for job in jobs]


def test_each_track_takes_what_it_says():
    assert settings("+act=relu,tanh", "track=shared,tuned_init,tuned_lr,tuned") == [
        ("relu", "shared", 0.003, "torch"),
        ("relu", "tuned_init", 0.003, "lsuv"),
        ("relu", "tuned_lr", 0.02, "torch"),
        ("relu", "tuned", 0.02, "lsuv"),
        ("tanh", "shared", 0.003, "torch"),
        ("tanh", "tuned_init", 0.003, "torch"),
        ("tanh", "tuned_lr", 0.003, "torch"),
        ("tanh", "tuned", 0.003, "torch"),
    ]


def test_an_activation_with_other_parameters_has_another_choice():
    """Whole numbers are numbers."""
    expected = [("elu", "tuned", 0.01, "torch"), ("elu", "tuned", 0.03, "lsuv")]
    assert settings("+act=elu", "act.alpha=1,0.5", "track=tuned") == expected


def test_a_job_on_the_tuned_track_is_the_one_with_these_settings(job_of):
    tuned = job_of("+act=relu", "track=tuned", "tuning=mine")
    given = job_of("+act=relu", "track=tuned", "optim.lr=0.02", "init=lsuv")
    assert identity.run_id(tuned) == identity.run_id(given)
    columns = identity.columns(tuned)
    assert (columns["init"], columns["init.output_std"], columns["optim.lr"]) == ("lsuv", 0.1, 0.02)


def test_what_the_command_gives_wins_over_the_choice(job_of):
    job = job_of("+act=relu", "track=tuned", "tuning=mine", "optim.lr=0.5", "init.output_std=0.3")
    assert (job.config.optim.lr, job.choices["init"], job.config.init.output_std) == (0.5, "lsuv", 0.3)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "+act=mish track=tuned tuning=mine",
            "mine has chosen nothing for act=mish: run it for that activation first.",
        ),
        (
            "+act=elu act.alpha=2 track=tuned_lr tuning=mine",
            "mine has chosen nothing for act=elu act.alpha=2.0: run it for that activation first.",
        ),
        (
            "+act=relu track=tuned_init tuning=none",
            "none has not been run: python -m actbench +experiment=none tunes, track=shared needs no tuning.",
        ),
        (
            "+act=relu init=tuned",
            "track=shared, init=tuned takes what a tuning experiment chose: give tuning=NAME.",
        ),
        (
            "act_by_layer=[relu,relu,tanh] track=tuned tuning=mine",
            "A tuning is of one activation in all layers: give track=shared.",
        ),
        (
            "+act=tanh track=tuned tuning=mine init.output_std=0.3",
            "There is no key init.output_std: init=torch has no parameters. Leave it out.",
        ),
    ],
)
def test_a_choice_that_is_missing_is_named(line, sentence):
    with pytest.raises(ConfigError) as error:
        compose.job_from(line.split())
    assert str(error.value) == sentence
