"""What a verdict costs, from the times of commands and loops by round and from published errors by seed.

A command's time is a line in its number of seeds, through a short and a long command. The tutorial's loop has no
start: its libraries' import is not counted. Numbers of seeds are those of `sample_size`.
"""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.errors import MARGIN
from benchmarks.speed.sample_size import paired_and_unpaired
from benchmarks.speed.tables import verdict_on

PAIR = ("mish", "relu")
# The arms of verdict.py: its file needs torch, and a report does not.
FEW, MANY, ALONE = "command, few seeds", "command, many seeds", "command, many seeds in one process"
LOOP, ERRORS = "tutorial loop, a seed of both", "errors, published"
AIMS = {"digits, mlp": 50.0, "mnist, mlp": 40.0}
FACTORS = ("pairing", "parallel", "loop", "whole")
_DRAWS = 500  # of seeds and of rounds
_MIN_ROUNDS = 6


class Cost(NamedTuple):
    """Seeds and seconds of a verdict, with paired and with unpaired seeds.

    Attributes:
        paired, unpaired: Seeds of each function.
        ours: Of the command with paired seeds.
        without_pairing: Of the command with unpaired seeds.
        in_one_process: Of the same in one process.
        tutorial: Of the loop with unpaired seeds.
    """

    paired: int
    unpaired: int
    ours: float
    without_pairing: float
    in_one_process: float
    tutorial: float

    def factors(self) -> dict[str, float]:
        """How many times as fast each step makes a verdict; the whole is their product."""
        return {
            "pairing": self.without_pairing / self.ours,
            "parallel": self.in_one_process / self.without_pairing,
            "loop": self.tutorial / self.in_one_process,
            "whole": self.tutorial / self.ours,
        }


def cost(seconds: pd.Series, seeds: pd.Series, errors: np.ndarray) -> Cost:
    """The cost of a verdict from the seconds and the seeds of each arm, and the errors (2, seeds).

    Seconds are missing where the long command took no longer than the short one: others were at work on the machine.
    """
    paired, unpaired = paired_and_unpaired(errors, margin=MARGIN - 1)
    each = (seconds[MANY] - seconds[FEW]) / (seeds[MANY] - seeds[FEW])
    each = each if each > 0 else np.nan
    start = seconds[FEW] - seeds[FEW] * each
    alone = (seconds[ALONE] - start) / seeds[ALONE]
    return Cost(
        paired, unpaired, start + paired * each, start + unpaired * each, start + unpaired * alone,
        unpaired * seconds[LOOP] / seeds[LOOP],
    )  # fmt: skip


def answers(rounds: pd.DataFrame) -> pd.DataFrame:
    """A row for each case and factor: ratio with a 95 % interval over seeds and rounds, target, verdict, `Cost`.

    Medians are over rounds. The interval is that of percentiles over samples drawn, with replacement, of the rounds and
    of the seeds whose errors were read; with fewer than six rounds there is none.
    """
    rows = []
    for case, of_case in rounds[rounds["comparison"] == "verdict"].groupby("case", sort=False):
        measured = of_case[of_case["left_out"] == ""]
        if not {FEW, MANY, ALONE, LOOP, ERRORS} <= set(measured["arm"]):
            continue
        seconds = measured.pivot_table(index="seed", columns="arm", values="train_seconds").dropna()
        seeds = measured.groupby("arm")["work"].first()
        values = json.loads(measured.loc[measured["arm"] == ERRORS, "values"].iloc[-1])
        errors = np.array([values[act] for act in PAIR])
        estimate = cost(seconds.median(), seeds, errors)
        draws = (
            _drawn(seconds, seeds, errors)
            if len(seconds) >= _MIN_ROUNDS
            else pd.DataFrame([dict.fromkeys(FACTORS, np.nan)])
        )
        for factor, ratio in estimate.factors().items():
            low, high = draws[factor].quantile([0.025, 0.975])
            target = AIMS[case] if factor == "whole" else np.nan
            rows.append(
                {"case": case, "factor": factor, "ratio": ratio, "low": low, "high": high, "n": len(seconds)}
                | {"target": target, "verdict": verdict_on(low, high, target)}
                | estimate._asdict()
            )
    return pd.DataFrame(rows)


def _drawn(seconds: pd.DataFrame, seeds: pd.Series, errors: np.ndarray) -> pd.DataFrame:
    """The factors of samples of rounds and of seeds."""
    rng = np.random.default_rng(0)
    return pd.DataFrame([
        cost(
            seconds.iloc[rng.integers(len(seconds), size=len(seconds))].median(),
            seeds,
            errors[:, rng.integers(errors.shape[1], size=errors.shape[1])],
        ).factors()
        for _ in range(_DRAWS)
    ])  # fmt: skip
