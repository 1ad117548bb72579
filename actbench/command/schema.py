"""The schema of the config's scalars, and what Hydra is told beside conf/: this schema, experiments, act=custom."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from actbench.command.options import options


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


def experiment(name: str) -> DictConfig:
    """The config of an experiment, without the claims that the ledger decides from its results."""
    node = OmegaConf.load(options("experiment")[name])
    assert isinstance(node, DictConfig)
    return OmegaConf.masked_copy(node, [str(key) for key in node if key != "claims"])


def register(arguments: Sequence[str]) -> None:
    """Store the schema, the experiments that the arguments name and, where they name it, act=custom.

    All experiments would take time to read. `custom` is the user's own activation; it is no entry of conf/act/, so that
    act=glob(*) does not meet it.
    """
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    given = [text.lstrip("+") for text in arguments]
    wanted = [text for text in given if text.startswith("experiment=")]
    named = [name for name in options("experiment") if any(name in text or "glob" in text for text in wanted)]
    if wanted:
        for name in named or options("experiment"):  # where none is meant, Hydra lists all
            store.store(group="experiment", name=name, package="_global_", node=experiment(name))
    store.repo.get("act", {}).pop("custom.yaml", None)
    if any(text.startswith("act=") and "custom" in text for text in given):
        store.store(group="act", name="custom", node={"_target_": MISSING})
