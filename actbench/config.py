"""The config: schema of its scalars, where its parts lie, and the checks that end a bad command before any training.

Every key of the command line is a key of conf/config.yaml or of the chosen option of a group, a folder of conf/.
Nothing here imports torch.
"""

import difflib
import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    """conf/ or experiments/: beside the package in a checkout, inside it in a wheel."""
    beside = _PACKAGE.parent / name
    return beside if (_PACKAGE.parent / "pyproject.toml").is_file() and beside.is_dir() else _PACKAGE / name


CONF, EXPERIMENTS = _folder("conf"), _folder("experiments")
# Options of a preset set keys all over the config; options of a group are the group's own keys.
PRESETS = ("experiment", "track")
# conf/hydra/ holds launchers: Hydra's own group, no part of a run.
GROUPS = tuple(sorted({folder.name for folder in CONF.iterdir() if folder.is_dir()} - {*PRESETS, "hydra"}))
_SURROUNDINGS = ("__init__", "harness", "cases", "loops", "lightning_loop", "onednn")
COMPARISONS = tuple(sorted(path.stem for path in (_PACKAGE / "speed").glob("*.py") if path.stem not in _SURROUNDINGS))
# What cannot change a run's numbers is left out of its identity and of the tables' config columns.
WITHOUT_EFFECT = ("output", "tuning", "data.root", "data.load")


class ConfigError(ValueError):
    """A mistake in a command; its text is one sentence for the user."""


@dataclass
class Train:
    """The loop."""

    epochs: int = MISSING
    batch_size: int = MISSING
    clip_grad_norm: float | None = None
    decay_activations: bool = False


@dataclass
class Output:
    """Where results go: `root`/`name`; without a name, the experiment's or adhoc."""

    root: str = "results"
    name: str | None = None


@dataclass
class Config:
    """The top-level keys; each group's own keys are those of the chosen option's file."""

    act: Any = MISSING
    augment: Any = MISSING
    data: Any = MISSING
    init: Any = MISSING
    model: Any = MISSING
    norm: Any = MISSING
    optim: Any = MISSING
    probes: Any = MISSING
    schedule: Any = MISSING
    task: Any = MISSING
    tuning: str | None = None
    seed: int = 0
    num_seeds: int = 10
    device: str = "auto"
    threads: int = 1
    train: Train = field(default_factory=Train)
    output: Output = field(default_factory=Output)


def register(*, custom: bool, experiments: Iterable[str]) -> None:
    """Tell Hydra of the experiments that a command names and, if asked for, of act=custom.

    `custom` names the user's own activation; it is no entry of conf/act/, so that act=glob(*) does not meet it.
    """
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for name in experiments:
        node = OmegaConf.load(options("experiment")[name])
        assert isinstance(node, DictConfig)
        if "claims" in node:  # what the ledger decides from the results is no part of a run
            del node["claims"]
        store.store(group="experiment", name=name, package="_global_", node=node)
    store.repo.get("act", {}).pop("custom.yaml", None)
    if custom:
        store.store(group="act", name="custom", node={"_target_": MISSING})


def options(group: str) -> dict[str, Path]:
    """The options of a group by name, each with its file."""
    folder = EXPERIMENTS if group == "experiment" else CONF / group
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@functools.cache  # a sweep asks for it in every job
def defaults(group: str, choice: str) -> dict[str, Any]:
    """The keys of an option's file, dotted, with their values there; its own only where it sets keys elsewhere too."""
    loaded = OmegaConf.load(options(group)[choice])
    return flatten(OmegaConf.to_container(loaded.get(group, loaded)))  # type: ignore[arg-type]


def describe(path: Path) -> str:
    """What an option is: the first line of its file, behind Hydra's own header where it has one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next(line for line in lines if not line.startswith("# @")).removeprefix("# ")


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that names the nearest known name, or all of them where none is near."""
    names = sorted(known)
    if not names:
        return "none is known there."
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(names)}."


def flatten(config: DictConfig | dict, *, prefix: str = "") -> dict[str, Any]:
    """Dotted keys -> values; a list is its JSON text, what only Hydra reads is left out."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key!s}"
        if isinstance(value, dict | DictConfig):
            flat |= flatten(value, prefix=f"{name}.")
        elif key not in ("_target_", "_partial_"):
            flat[name] = json.dumps(list(value)) if isinstance(value, list | ListConfig) else value
    return flat


def columns(config: DictConfig, choices: dict[str, str]) -> dict[str, Any]:
    """The config as columns of the tables: each group's choice under its name, every scalar under its dotted key.

    A value has the type that it has in its option's file, so that act.alpha=1 and act.alpha=1.0 are the same run.
    """
    flat = flatten(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
    for group in GROUPS:
        reference = {} if choices[group] == "custom" else defaults(group, choices[group])
        for key, value in reference.items():
            if isinstance(value, float):
                flat[f"{group}.{key}"] = float(flat[f"{group}.{key}"])
    kept = {key: value for key, value in flat.items() if not _without_effect(key)}
    return {name: choices[name] for name in (*GROUPS, "track")} | kept | {"act": act_name(config, choices)}


def act_name(config: DictConfig, choices: dict[str, str]) -> str:
    """The activation's name: its option's, or for the user's own the last part of its dotted path."""
    return str(config.act["_target_"]).rsplit(".", 1)[-1] if choices["act"] == "custom" else choices["act"]


def _without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in WITHOUT_EFFECT)


def results_folder(config: DictConfig, choices: dict[str, str]) -> Path:
    """Where the run's results go."""
    return Path(config.output.root) / (config.output.name or choices.get("experiment") or "adhoc")
