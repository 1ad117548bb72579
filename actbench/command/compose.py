"""Overrides -> jobs: Hydra composes each, and each is checked once."""

import copy
from collections.abc import Iterator
from itertools import chain

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from actbench.command.check import check, check_overrides, key_of
from actbench.command.errors import THERE_ALREADY, translated_errors
from actbench.command.job import Job
from actbench.command.line import hydra_arguments, register
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, options

_RESOLVING = "ValueError raised while resolving interpolation: "  # OmegaConf's words before ours
OmegaConf.register_new_resolver(
    "tuned_lr",  # found by its name, since it needs pandas and no other config does
    lambda *arguments: get_method("actbench.tables.tuned.tuned_lr")(*arguments),
    replace=True,
)


def job_from(overrides: list[str]) -> Job:
    """The job of one run, from its overrides, as the command composes and checks it."""
    register(overrides)
    hydra_arguments(overrides)  # for what it refuses
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)), translated_errors(overrides):
        config = compose("config", overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return job_of(_without_hydra(config))


def job_of(config: DictConfig) -> Job:
    """The checked job of a composed config without Hydra's node, which HydraConfig holds.

    Raises:
        ConfigError: If it is not valid.
    """
    hydra = HydraConfig.get()
    check_overrides(_texts(hydra))
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error).split("\n")[0].removeprefix(_RESOLVING)) from error
    choices = hydra.runtime.choices
    job = Job(config, {name: choices[name] for name in (*GROUPS, *PRESETS) if name in choices})
    check(job)
    return job


def jobs_of_sweep(loader: ConfigLoader, config: DictConfig) -> list[tuple[list[str], Job]]:
    """The jobs of a sweep, each with its overrides, in Hydra's order.

    `config` is the sweep's. A key that the command line sets replaces that axis of an experiment.

    Raises:
        ConfigError: If one of them is not valid.
    """
    arguments, params = _texts(config.hydra), config.hydra.sweeper.params or {}
    check_overrides(arguments)
    axes = [f"{k}={v}" for k, v in params.items() if key_of(k) not in map(key_of, arguments)]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([*axes, *arguments])
    for override in overrides:
        if override.is_sweep_override() and not list(override.sweep_string_iterator()):
            names, line = ", ".join(options(override.key_or_group)), str(override.input_line)
            known = f": known are: {names}" if names else ""
            raise ConfigError(f"{line.lstrip('+')} matches nothing{known}.")
    lines = list(chain(*BasicSweeper.split_arguments(overrides, max_batch_size=None)))
    return list(zip(lines, _each(loader, config, lines), strict=True))


def _each(loader: ConfigLoader, config: DictConfig, lines: list[list[str]]) -> Iterator[Job]:
    """The job of each line. Lines that differ in values only are composed once."""
    composed: dict[tuple[str, ...], DictConfig] = {}
    parser = OverridesParser.create()
    for line in lines:
        chosen = tuple(filter(_is_choice, line))
        with translated_errors(line):
            if chosen not in composed:
                composed[chosen] = loader.load_sweep_config(config, list(chosen))
            job_config = _without_hydra(composed[chosen])
            for override in parser.parse_overrides([text for text in line if text not in chosen]):
                key = override.key_or_group
                if override.is_add() and OmegaConf.select(job_config, key) is not None:
                    raise ConfigError(THERE_ALREADY.format(key))
                OmegaConf.update(job_config, override.key_or_group, override.value())
        HydraConfig.instance().set_config(composed[chosen])
        yield job_of(job_config)


def _texts(hydra: DictConfig | HydraConf) -> list[str]:
    """The overrides as they were typed: one may hold an interpolation, as seed=${x}."""
    return OmegaConf.to_container(hydra.overrides.task, resolve=False)  # type: ignore[arg-type, return-value]


def _without_hydra(config: DictConfig) -> DictConfig:
    return copy.deepcopy(OmegaConf.masked_copy(config, [str(k) for k in config if k != "hydra"]))


def _is_choice(override: str) -> bool:
    return key_of(override) in (*GROUPS, *PRESETS) or override.startswith("hydra")
