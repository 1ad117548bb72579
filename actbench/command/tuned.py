"""What a tuning chose for an activation: `tuned`, in place of a learning rate or an init, stands for it.

The tracks of conf/track/ put that word there.
"""

import csv
import functools
import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.command.job import flatten
from actbench.command.options import ConfigError, options

TUNED = "tuned"


def take_tuned(config: DictConfig, choices: dict[str, str]) -> None:
    """Put the choice of the tuning experiment in place of `tuned`; a ConfigError where there is none."""
    takes_rate = OmegaConf.select(config, "optim.lr") == TUNED
    if not takes_rate and choices.get("init") != TUNED:
        return
    chosen = _choice(config, choices)
    if takes_rate:
        config.optim.lr = float(chosen["lr"])
    if choices["init"] == TUNED:
        choices["init"] = chosen["init"]
        config.init = OmegaConf.merge(OmegaConf.load(options("init")[chosen["init"]]), config.init)


def _choice(config: DictConfig, choices: dict[str, str]) -> dict[str, str]:
    act, name = choices.get("act"), config.tuning
    if act == "by_layer":
        raise ConfigError("A tuning is of one activation in all layers: give track=shared.")
    if not name:
        asked = f"track={choices['track']}, init={choices['init']} takes what a tuning experiment chose"
        raise ConfigError(f"{asked}: give tuning=NAME.")
    own = {} if act is None else {k: _number(v) for k, v in flatten(config.act).items()}
    rows = [
        row for row in _table(Path(config.output.root, str(name)).expanduser())
        if row["act"] == act and json.loads(row["parameters"]) == own
    ]  # fmt: skip
    if not rows:
        given = " ".join([f"act={act}", *(f"act.{key}={value}" for key, value in own.items())])
        raise ConfigError(f"{name} has chosen nothing for {given}: run it for that activation first.")
    return rows[0]


@functools.lru_cache(maxsize=1)
def _read(path: Path, modified: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(folder: Path) -> list[dict[str, str]]:
    path = folder / "statistics" / "tuning.csv"
    if not path.is_file():
        command = f"python -m actbench +experiment={folder.name} tunes, track=shared needs no tuning"
        raise ConfigError(f"{folder.name} has not been run: {command}.")
    return _read(path, path.stat().st_mtime_ns)


def _number(value: Any) -> float | str:
    """A parameter as `tables.tuning.number` writes it."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return json.dumps(value) if isinstance(value, list) else str(value)
