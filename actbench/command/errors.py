"""Errors of Hydra and OmegaConf as sentences for the user."""

import contextlib
import re
from collections.abc import Iterator, Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from actbench.command.check import UNREADABLE, key_of, no_such_key
from actbench.command.job import defaults, flatten
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, nearest

_SEVERAL = "{0} has several values: add -m to run them as a sweep."
NEEDS_PACKAGE = "{0} needs the package {1}, which is not installed: pip install -e '.[{1}]'."
THERE_ALREADY = "+{0} adds a key that is there already: give it without the plus sign."
_RESOLVING = "ValueError raised while resolving interpolation: "  # OmegaConf's words before ours
# A pattern in an exception's text that names a key -> our sentence about that key.
_TEXTS = {
    r"Ambiguous value for argument '\+*([^=]+)=": _SEVERAL,
    r"Sweep parameters '\+*([^=]+)=": _SEVERAL,
    r"An item is already at '(.+)'": THERE_ALREADY,
}


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
        return ConfigError(UNREADABLE.format(error.override))
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        if group == "hydra/launcher" and choice.startswith("submitit"):  # brought by an extra
            launcher = next(line for line in overrides if key_of(line) == group)
            return ConfigError(NEEDS_PACKAGE.format(launcher, "submitit"))
        return ConfigError(f"There is no {group}={choice}: {nearest(choice, error.options or ())}")
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        key = str(cause.full_key)
        mistyped = next((k for k in map(key_of, overrides) if k.startswith(key)), key)
        return ConfigError(_unknown(mistyped, overrides))
    for pattern, sentence in _TEXTS.items():
        if match := re.search(pattern, str(error)):
            return ConfigError(sentence.format(match[1]))
    lines = (str(e).split("\n")[0].removeprefix(_RESOLVING) for e in (error, error.__cause__) if e)
    return ConfigError(": ".join(dict.fromkeys(lines)))


def _unknown(key: str, overrides: Sequence[str]) -> str:
    """The sentence about a key that the chosen options do not have."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        chosen = [t for t in overrides if key_of(t) in (*GROUPS, *PRESETS) and "," not in t]
        hydra = compose("config", chosen, return_hydra_config=True).hydra
    hydras = {f"hydra.{name}" for name in flatten(hydra)} if key.startswith("hydra.") else set()
    return no_such_key(key, {*defaults(hydra.runtime.choices), *hydras}, hydra.runtime.choices)
