"""Overrides -> jobs: Hydra composes each, and each is checked once."""

import copy
from collections.abc import Iterator, Mapping
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

from actbench.command.check import check, key_of
from actbench.command.errors import translated_errors
from actbench.command.job import Job
from actbench.command.line import hydra_arguments, register
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, nearest, options, split_config_dir
from actbench.command.tuned import take_tuned


def job_from(overrides: list[str]) -> Job:
    """The job of one run, from its overrides, as the command composes and checks it."""
    register(overrides)
    folder, arguments = split_config_dir([t for t in hydra_arguments(overrides) if t != "-m"])
    if folder is not None:
        arguments.append(f'hydra.searchpath=["file://{Path(folder).absolute()}"]')
    GlobalHydra.instance().clear()
    with translated_errors(arguments), initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", arguments, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return job_of(_without_hydra(config))


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


def jobs_of_sweep(loader: ConfigLoader, config: DictConfig, arguments: list[str]) -> list[tuple[list[str], Job]]:
    """The jobs of a sweep, each with its overrides, in Hydra's order.

    `config` is the sweep's, `arguments` what the command line sets: it replaces an axis of an
    experiment. Raises a ConfigError if one of the jobs is not valid.
    """
    params = config.hydra.sweeper.params or {}
    axes = [f"{k}={v}" for k, v in params.items() if key_of(k) not in map(key_of, arguments)]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([*axes, *arguments])
    lines = list(chain(*BasicSweeper.split_arguments(overrides, max_batch_size=None)))
    return list(zip(lines, _each(loader, config, lines), strict=True))


def _each(loader: ConfigLoader, config: DictConfig, lines: list[list[str]]) -> Iterator[Job]:
    """The job of each line. Lines that differ in values, or in the activation, are composed once."""
    composed: dict[tuple[str, ...], tuple] = {}
    parser, acts = OverridesParser.create(), options("act")
    for line in lines:
        chosen = [t for t in line if key_of(t) in (*GROUPS, *PRESETS) or t.startswith("hydra")]
        act = next((t.partition("=")[2] for t in chosen if key_of(t) == "act"), "")
        shared = tuple(t for t in chosen if act not in acts or key_of(t) != "act")
        with translated_errors(line):
            if shared not in composed:
                whole = loader.load_sweep_config(config, list(shared))
                HydraConfig.instance().set_config(whole)
                composed[shared] = _without_hydra(whole), HydraConfig.instance().cfg
            base, cfg = composed[shared]
            job_config, HydraConfig.instance().cfg = copy.deepcopy(base), cfg
            if act in acts:  # its file holds the keys of act, and no others
                job_config.act = OmegaConf.load(acts[act])
                with open_dict(cfg.hydra), read_write(cfg.hydra):
                    cfg.hydra.runtime.choices.act = act
            for override in parser.parse_overrides([text for text in line if text not in chosen]):
                OmegaConf.update(job_config, override.key_or_group, override.value(), force_add=True)
        yield job_of(job_config)


def changed(line: list[str], job: Job, values: Mapping[str, Any]) -> tuple[list[str], Job]:
    """A line of a sweep and its job, with other values of some keys."""
    config = copy.deepcopy(job.config)
    for key, value in values.items():
        OmegaConf.update(config, key, value)
    kept = [text for text in line if key_of(text) not in values]
    return [*kept, *(f"++{key}={value}" for key, value in values.items())], Job(config, job.choices)


def _without_hydra(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(k) for k in config if k != "hydra"])
