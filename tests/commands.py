"""Command lines as Hydra hands them to the sweeper, without starting anything."""

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from actbench.command import compose
from actbench.command.errors import explaining
from actbench.command.job import Job
from actbench.command.line import assignments, hydra_arguments, register
from actbench.command.options import CONF


def sweep(*argv: str) -> tuple[DictConfig, list[Job]]:
    """Hydra's node and the jobs of a sweep."""
    register(argv)
    given = assignments(hydra_arguments(["-m", *argv]))
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        loader = GlobalHydra.instance().config_loader()
        with explaining(given):
            config = loader.load_configuration("config", given, RunMode.MULTIRUN)
        return config.hydra, [job for _, job in compose.sweep(loader, config)]


def jobs(*argv: str) -> list[Job]:
    """The jobs of a sweep, or of an experiment that sweeps."""
    return sweep(*(text for text in argv if text != "-m"))[1]
