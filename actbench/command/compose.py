"""Overrides -> jobs: Hydra composes each, and each is checked once."""

import copy
import pickle
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from tqdm import tqdm

from actbench.command.check import check, key_of
from actbench.command.errors import translated_errors
from actbench.command.job import Job
from actbench.command.line import hydra_arguments, register
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, file_of, nearest, options, split_config_dir
from actbench.command.tuned import take_tuned

Lines = list[tuple[list[str], Job]]  # each job of a sweep with its overrides
# What Hydra composed for a choice in each group: the config without its node, as bytes, which are copied in a quarter
# of a deepcopy's time, and HydraConfig's.
_Composed = dict[tuple[str, ...], tuple[bytes, Any]]
_composed: _Composed = {}  # of `job_from`


def job_from(overrides: list[str]) -> Job:
    """The job of one run, from its overrides, as the command composes and checks it."""
    register(overrides)
    folder, line = split_config_dir([t for t in hydra_arguments(overrides) if t != "-m"])
    if folder is not None:
        line.append(f'hydra.searchpath=["file://{Path(folder).absolute()}"]')

    def whole(chosen: list[str]) -> DictConfig:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", chosen, return_hydra_config=True)

    # The user may edit his files from one call to the next.
    return _job(line, whole, _composed if folder is None else {})


def job_of(config: DictConfig) -> Job:
    """The checked job of a composed config without Hydra's node, which HydraConfig holds."""
    with translated_errors(()):
        OmegaConf.resolve(config)
    choices = dict(HydraConfig.get().runtime.choices)
    if (names := config.act_by_layer) is not None:
        if "act" in choices:
            raise ConfigError("act and act_by_layer are both given: give one of them.")
        if not OmegaConf.is_missing(config, "act"):
            keys = ", ".join(f"act.{key}" for key in config.act)
            own = "DIR/act/NAME.yaml with --config-dir DIR"
            raise ConfigError(f"{keys} is given with act_by_layer: set it in a file of your own, {own}.")
        choices["act"], config.act = "by_layer", {"by_layer": [_node(name) for name in _names(names)]}
    take_tuned(config, choices)
    job = Job(config, {name: choices[name] for name in (*GROUPS, *PRESETS) if name in choices})
    check(job)
    return job


def _names(names: Any) -> list[str]:
    if isinstance(names, ListConfig) and names and all(isinstance(name, str) for name in names):
        return list(names)
    example = "act_by_layer=[relu,relu,tanh]"
    raise ConfigError(f"act_by_layer={names} is no list of functions, one for each layer: {example}.")


def _node(name: str) -> DictConfig:
    """The config of an option of act, or of a dotted path to the user's own activation."""
    acts = options("act")
    if "." in name:
        return OmegaConf.create({"_target_": name})
    if name not in acts:
        raise ConfigError(f"There is no act={name}, in act_by_layer: {nearest(name, acts)}")
    return OmegaConf.load(acts[name])  # type: ignore[return-value]


def jobs_of_sweep(loader: ConfigLoader, config: DictConfig, arguments: list[str]) -> Lines:
    """The jobs of a sweep, each with its overrides, in Hydra's order.

    `config` is the sweep's, `arguments` what the command line sets: it replaces an axis of an
    experiment. Raises a ConfigError if one of the jobs is not valid.
    """
    params = config.hydra.sweeper.params or {}
    axes = [f"{k}={v}" for k, v in params.items() if key_of(k) not in map(key_of, arguments)]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([*axes, *arguments])
    lines = list(chain(*BasicSweeper.split_arguments(overrides, max_batch_size=None)))
    composed: _Composed = {}

    def whole(chosen: list[str]) -> DictConfig:
        return loader.load_sweep_config(config, chosen)

    # About a hundred jobs a second: a mistyped range of a million shows before it has taken hours.
    progress = tqdm(lines, unit="job", desc="check", delay=2, disable=None)
    return [(line, _job(line, whole, composed)) for line in progress]


def _job(line: list[str], whole: Callable[[list[str]], DictConfig], composed: _Composed) -> Job:
    """The job of a line. Lines that differ in values, or in the activation, are composed once.

    `whole` has Hydra compose a choice in each group, `composed` keeps what it made.
    """
    chosen = [t for t in line if key_of(t) in (*GROUPS, *PRESETS) or t.startswith("hydra")]
    act = next((t.partition("=")[2] for t in chosen if key_of(t) == "act"), "")
    file = file_of("act", act)
    shared = [t for t in chosen if file is None or key_of(t) != "act"]
    choice = tuple(shared) if file is None else ("act", *shared)
    with translated_errors(line):
        if choice not in composed:
            config = whole(shared)
            HydraConfig.instance().set_config(config)
            composed[choice] = pickle.dumps(_without_hydra(config)), HydraConfig.instance().cfg
        base, cfg = composed[choice]
        job_config, HydraConfig.instance().cfg = pickle.loads(base), cfg
        if file is not None:  # it holds the keys of act, and no others
            job_config.act = OmegaConf.load(file)
            with open_dict(cfg.hydra), read_write(cfg.hydra):
                cfg.hydra.runtime.choices.act = act
        for override in OverridesParser.create().parse_overrides([t for t in line if t not in chosen]):
            key = override.key_or_group
            if override.is_sweep_override():
                raise ConfigError(f"{key} has several values, but this is one run: give one of them.")
            OmegaConf.update(job_config, key, override.value(), force_add=True)
    return job_of(job_config)


def changed(line: list[str], job: Job, values: Mapping[str, Any]) -> tuple[list[str], Job]:
    """A line of a sweep and its job, with other values of some keys."""
    config = copy.deepcopy(job.config)
    for key, value in values.items():
        OmegaConf.update(config, key, value)
    kept = [text for text in line if key_of(text) not in values]
    return [*kept, *(f"++{key}={value}" for key, value in values.items())], Job(config, job.choices)


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(k) for k in config if k != "hydra"])
