"""The tuned learning rate of each activation: the one with the lowest mean validation loss in a tuning experiment.

The tracks tuned and tuned_lr read a tuning experiment's tables; `python -m actbench.report --tuned results/NAME` prints
what they take from there. Test data plays no part.
"""

import functools
from pathlib import Path

import pandas as pd

from actbench.tables.store import collect


def chosen(runs: pd.DataFrame) -> pd.DataFrame:
    """`act, lr, val_loss, num_seeds, at_edge` by activation; at_edge: the grid ends there and should be extended.

    A run that diverged counts with its validation loss at chance level. Equal losses are settled by the lower rate.
    Runs of the latest PROTOCOL alone count: losses of two cannot be compared.
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


def tuned_lr(root: str, tuning: str | None, act: str) -> float:
    """What `optim.lr` is under a track with tuned rates.

    Raises:
        ValueError: If no tuning experiment is named, it has not been run, or it lacks the activation.
    """
    if not tuning:
        raise ValueError("This track needs the experiment that tuned the learning rates: give tuning=NAME.")
    table = _table(str(Path(root, tuning)))
    if act not in table.index:
        raise ValueError(f"{tuning} has tuned no learning rate for act={act}: run it for that activation first.")
    return float(table.loc[act, "lr"])  # type: ignore[arg-type]


@functools.lru_cache(maxsize=1)
def _table(folder: str) -> pd.DataFrame:
    try:
        return chosen(runs_of(folder)).set_index("act")
    except FileNotFoundError:
        name = Path(folder).name
        raise ValueError(
            f"{name} has not been run: python -m actbench +experiment={name} tunes the learning rates."
        ) from None


def runs_of(folder: str | Path) -> pd.DataFrame:
    """The runs of a tuning experiment.

    Raises:
        ValueError: If they have no activation and learning rate.
    """
    runs = collect(folder).runs
    if not {"act", "optim.lr"} <= set(runs):
        raise ValueError(f"There are no runs in {folder} with an activation and a learning rate to choose from.")
    return runs
