"""Errors of Hydra and OmegaConf as sentences for the user."""

import contextlib
from collections.abc import Iterator, Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from actbench.command.check import key_of, no_such_key, unreadable
from actbench.command.job import flatten
from actbench.command.options import CONF, ConfigError, nearest

NEEDS_PACKAGE = "{0} needs the package {1}, which is not installed: pip install -e '.[{1}]'."
_RESOLVING = "ValueError raised while resolving interpolation: "  # OmegaConf's words before ours


@contextlib.contextmanager
def translated_errors(overrides: Sequence[str]) -> Iterator[None]:
    """An error of Hydra's inside becomes a ConfigError about these overrides."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error, overrides) from error


def _explained(error: Exception, overrides: Sequence[str]) -> ConfigError:
    cause = error.__cause__ or error
    if isinstance(error, OverrideParseException):
        return ConfigError(unreadable(error.override))
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        if group == "hydra/launcher" and choice.startswith("submitit"):  # brought by an extra
            launcher = next(line for line in overrides if key_of(line) == group)
            return ConfigError(NEEDS_PACKAGE.format(launcher, "submitit"))
        return ConfigError(f"There is no {group}={choice}: {nearest(choice, error.options or ())}")
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and "hydra." in str(cause.full_key):
        return ConfigError(_unknown(str(cause.full_key), overrides))
    lines = (str(e).split("\n")[0].removeprefix(_RESOLVING) for e in (error, error.__cause__) if e)
    return ConfigError(": ".join(dict.fromkeys(lines)))


def _unknown(key: str, overrides: Sequence[str]) -> str:
    """The sentence about a key that Hydra's own options do not have."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        chosen = [text for text in overrides if text.startswith("hydra/")]
        keys = flatten(compose("config", chosen, return_hydra_config=True).hydra)
    return no_such_key(key, {f"hydra.{name}" for name in keys}, {})
