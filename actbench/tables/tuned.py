"""The tuned learning rate of each activation: the one with the lowest mean validation loss in a tuning experiment.

The tracks tuned and tuned_lr read the tables of a tuning experiment; `python -m actbench.report --tuned results/NAME`
prints the rates that they use. Test data plays no part.
"""

import functools
from pathlib import Path

import pandas as pd

from actbench.tables.store import collect


def best_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """The chosen rates, a row `act, lr, val_loss, num_seeds, at_edge` per activation.

    `at_edge` means that the rate is the lowest or highest of the grid, which should be extended. A run that diverged
    counts with its validation loss at chance level. If losses are equal, the lower rate is chosen. Only runs of the
    latest PROTOCOL count: losses of different protocols cannot be compared.
    """
    runs = runs[runs["protocol"] == runs["protocol"].max()]
    grid = runs.groupby(["act", "optim.lr"], as_index=False).agg(
        val_loss=("val_loss", "mean"), num_seeds=("seed", "size")
    )
    ends = grid.groupby("act")["optim.lr"].agg(["min", "max"])
    best = grid.sort_values(["val_loss", "optim.lr"], kind="stable").drop_duplicates("act").sort_values("act")
    best = best.rename(columns={"optim.lr": "lr"}).reset_index(drop=True)
    low, high = (best["act"].map(ends[end]) for end in ("min", "max"))
    return best.assign(at_edge=(best["lr"] == low) | (best["lr"] == high))


def tuned_lr(root: str, tuning: str | None, act: str | None) -> float:
    """The value of `optim.lr` on a track with tuned rates.

    Raises:
        ValueError: If there is not one activation, no tuning experiment is given, or it has not been run, or it lacks
            the activation.
    """
    if act is None:
        raise ValueError("This track has learning rates for one activation in all layers: give track=shared.")
    if not tuning:
        raise ValueError("This track needs the experiment that tuned the learning rates: give tuning=NAME.")
    rates = _rates(str(Path(root, str(tuning))))
    if act not in rates.index:
        raise ValueError(f"{tuning} has tuned no learning rate for act={act}: run it for that activation first.")
    return float(rates.loc[act, "lr"])  # type: ignore[arg-type]


@functools.lru_cache(maxsize=1)
def _rates(folder: str) -> pd.DataFrame:
    try:
        return best_rates(runs_of(folder)).set_index("act")
    except FileNotFoundError:
        name = Path(folder).name
        raise ValueError(
            f"{name} has not been run: python -m actbench +experiment={name} tunes the learning rates."
        ) from None


def runs_of(folder: str | Path) -> pd.DataFrame:
    """The runs of a tuning experiment.

    Raises:
        ValueError: If they do not record an activation and a learning rate.
    """
    runs = collect(folder).runs
    if not {"act", "optim.lr"} <= set(runs):
        raise ValueError(f"There are no runs in {folder} with an activation and a learning rate to choose from.")
    return runs
