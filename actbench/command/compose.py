"""From a command line to its jobs, each composed by Hydra and checked once."""

import copy
from collections.abc import Iterator
from itertools import chain

from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from actbench.command.check import check, check_overrides
from actbench.command.errors import explained
from actbench.command.job import Job
from actbench.command.line import hydra_arguments, is_multirun, register
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, options

_RESOLVING = "ValueError raised while resolving interpolation: "  # OmegaConf's words before our sentence


def _tuned_lr(root: str, tuning: str | None, act: str) -> float:
    from actbench.tables.tuned import tuned_lr  # needs pandas, which no other config needs

    return tuned_lr(root, tuning, act)


OmegaConf.register_new_resolver("tuned_lr", _tuned_lr, replace=True)


def read(argv: list[str]) -> list[Job]:
    """The jobs of a command line, composed and checked as the command does it; none is started.

    Raises:
        ConfigError: If anything in it cannot be meant.
    """
    register(argv)
    given = hydra_arguments(argv)
    overrides = [text for text in given if not text.startswith("-")]
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        loader = GlobalHydra.instance().config_loader()
        mode = RunMode.MULTIRUN if is_multirun(given) else RunMode.RUN
        try:
            config = loader.load_configuration("config", overrides, mode)
        except (HydraException, OmegaConfBaseException) as error:
            raise explained(error, overrides) from error
        if mode == RunMode.RUN:
            HydraConfig.instance().set_config(config)
            return [job_of(*_apart(config))]
        return [job for _, job in sweep(loader, config, overrides)]


def job_of(config: DictConfig, hydra: DictConfig | HydraConf) -> Job:
    """The job of a composed config, checked.

    Args:
        config: Without Hydra's node; it is resolved in place.
        hydra: Hydra's node.

    Raises:
        ConfigError: If it cannot be meant.
    """
    check_overrides(list(hydra.overrides.task))
    return _checked(config, hydra)


def sweep(loader: ConfigLoader, config: DictConfig, arguments: list[str]) -> list[tuple[list[str], Job]]:
    """The jobs of a sweep in Hydra's order, each with its overrides.

    What the command line sets replaces that axis of an experiment.

    Args:
        loader: Hydra's, which composes each job.
        config: The sweep's own config, with Hydra's node.
        arguments: The command's overrides.

    Raises:
        ConfigError: If anything in one of them cannot be meant.
    """
    check_overrides(arguments)
    given = {text.lstrip("+").split("=", 1)[0] for text in arguments}
    params = dict(config.hydra.sweeper.params or {})
    axes = [f"{key}={value}" for key, value in params.items() if key.lstrip("+") not in given]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides([*axes, *arguments])
    for override in overrides:
        pattern = override.value() if override.is_sweep_override() else None
        if isinstance(pattern, Glob) and not pattern.filter(list(options(override.key_or_group))):
            listed = ", ".join(options(override.key_or_group))
            raise ConfigError(f"{str(override.input_line).lstrip('+')} matches nothing: known are: {listed}.")
    lines = list(chain(*BasicSweeper.split_arguments(overrides, max_batch_size=None)))
    return list(zip(lines, _each(loader, config, lines), strict=True))


def _each(loader: ConfigLoader, sweep_config: DictConfig, lines: list[list[str]]) -> Iterator[Job]:
    """The job of each line of overrides. Lines with the same choices are composed once: they differ by values only."""
    parser = OverridesParser.create()
    composed: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}
    for line in lines:
        chosen = tuple(text for text in line if _is_choice(text))
        if chosen not in composed:
            composed[chosen] = _apart(_composed(loader, sweep_config, list(chosen)))
        config, hydra = copy.deepcopy(composed[chosen][0]), composed[chosen][1]
        try:
            for override in parser.parse_overrides([text for text in line if text not in chosen]):
                OmegaConf.update(config, override.key_or_group, override.value())
        except OmegaConfBaseException:
            _composed(loader, sweep_config, line)  # says in a sentence what is wrong
            raise
        HydraConfig.instance().set_config(OmegaConf.create({"hydra": hydra}))  # a tuned track asks what is chosen
        yield _checked(config, hydra)


def _composed(loader: ConfigLoader, sweep_config: DictConfig, line: list[str]) -> DictConfig:
    try:
        return loader.load_sweep_config(sweep_config, line)
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, line) from error


def _checked(config: DictConfig, hydra: DictConfig | HydraConf) -> Job:
    try:
        job = Job.of(config, dict(hydra.runtime.choices))
    except InterpolationResolutionError as error:
        raise ConfigError(str(error).split("\n")[0].removeprefix(_RESOLVING)) from error
    check(job)
    return job


def _apart(config: DictConfig) -> tuple[DictConfig, DictConfig]:
    """The config of a run, and Hydra's node."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]), config.hydra


def _is_choice(override: str) -> bool:
    key = override.lstrip("+").split("=", 1)[0]
    return key in (*GROUPS, *PRESETS) or key.startswith("hydra")
