"""The jobs of command lines, composed as Hydra composes them for the sweeper, without running them."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.errors import translated_errors
from actbench.command.job import Job
from actbench.command.line import hydra_arguments, register
from actbench.command.options import CONF, ConfigError, split_config_dir


def sweep(*argv: str) -> tuple[DictConfig, list[Job]]:
    """The config of Hydra itself and the jobs of a sweep."""
    register(argv)
    overrides = [text for text in hydra_arguments(["-m", *argv]) if text[0] != "-"]
    folder, _ = split_config_dir(argv)
    overrides += [] if folder is None else [f'hydra.searchpath=["file://{Path(folder).absolute()}"]']
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        loader = GlobalHydra.instance().config_loader()
        with translated_errors(overrides):  # as the command does
            config = loader.load_configuration("config", overrides, RunMode.MULTIRUN)
            lines = compose.jobs_of_sweep(loader, config, list(config.hydra.overrides.task))
    return config.hydra, [job for _, job in lines]


def jobs(*argv: str) -> list[Job]:
    """The jobs of a sweep, or of an experiment that sweeps."""
    return sweep(*(word for word in argv if word != "-m"))[1]


def refusal(words: list[str]) -> str:
    """The sentence that ends a command line before anything is measured."""
    with pytest.raises(ConfigError) as caught:
        jobs(*words) if "-m" in words else compose.job_from(words)
    return str(caught.value)
