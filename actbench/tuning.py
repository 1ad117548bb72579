"""The tuned learning rate of each activation: the one with the lowest mean validation loss in a tuning experiment.

`python -m actbench.tuning results/NAME` prints the table and writes it as results/NAME/tuned.csv; the tracks tuned
and tuned_lr read the same tables. Test data plays no part.
"""

import functools
import sys
from pathlib import Path

import pandas as pd

from actbench.parts import one_line
from actbench.tables import collect


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
        return chosen(_runs(folder)).set_index("act")
    except FileNotFoundError:
        name = Path(folder).name
        raise ValueError(
            f"{name} has not been run: python -m actbench +experiment={name} tunes the learning rates."
        ) from None


def _runs(folder: str) -> pd.DataFrame:
    runs = collect(folder).runs
    if not {"act", "optim.lr"} <= set(runs):
        raise ValueError(f"There are no runs in {folder} with an activation and a learning rate to choose from.")
    return runs


def main(arguments: list[str] | None = None) -> int:
    """Print and write the table of a tuning experiment."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        print("actbench.tuning: Give the results folder of a tuning experiment, and nothing else.", file=sys.stderr)
        return 2
    try:
        table = chosen(_runs(given[0]))
    except (FileNotFoundError, ValueError) as error:
        print(f"actbench.tuning: {error}", file=sys.stderr)
        return 2
    table.to_csv(Path(given[0]) / "tuned.csv", index=False)
    print(table.assign(act=table["act"].map(one_line)).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
