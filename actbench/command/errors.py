"""What Hydra and OmegaConf find wrong with a command, as a sentence for the user."""

import re
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from actbench.command.check import check_overrides, key_of, no_such_key, no_such_option
from actbench.command.job import defaults, flatten
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, options

# What only the text of an exception tells: its pattern, and our sentence of the key that it names.
_TEXTS = {
    r"Ambiguous value for argument '\+*([^=]+)=": "{0} has several values: add -m to run them as a sweep.",
    r"Sweep parameters '\+*([^=]+)=": "{0} has several values: add -m to run them as a sweep.",
    r"An item is already at '(.+)'": "+{0} adds a key that is there already: give it without the plus sign.",
}
# The launchers that are extras of ours, by the config that only the installed package brings.
_EXTRAS = {"hydra/launcher/submitit_slurm": "submitit", "hydra/launcher/submitit_local": "submitit"}


def explained(error: Exception, overrides: Sequence[str]) -> ConfigError:
    """The sentence for what was raised while these overrides were composed."""
    check_overrides(overrides)  # which raises what it can say better
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override!r} cannot be read: an argument is KEY=VALUE, as in train.epochs=5.")
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        path, (group, _, choice) = error.missing_cfg_file, error.missing_cfg_file.rpartition("/")
        if path in _EXTRAS:
            return needs_package(next(text for text in overrides if key_of(text) == group), _EXTRAS[path])
        return ConfigError(no_such_option(group, choice, {*(error.options or ()), *options(group)}))
    cause = error.__cause__ or error
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        key = str(cause.full_key)
        return ConfigError(_unknown(next((k for k in map(key_of, overrides) if k.startswith(key)), key), overrides))
    for pattern, sentence in _TEXTS.items():
        if match := re.search(pattern, str(error)):
            return ConfigError(sentence.format(match[1]))
    return ConfigError(" ".join(f"{error} {error.__cause__ or ''}".split()))


def needs_package(override: str, package: str) -> ConfigError:
    """A launcher is an extra that is not installed."""
    return ConfigError(
        f"{override} needs the package {package}, which is not installed: pip install -e '.[{package}]'."
    )


def _unknown(key: str, overrides: Sequence[str]) -> str:
    """The sentence for a key that the chosen options lack."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        chosen = [text for text in overrides if key_of(text) in (*GROUPS, *PRESETS) and "," not in text]
        hydra = compose("config", chosen, return_hydra_config=True).hydra
    own = {f"hydra.{name}" for name in flatten(hydra)} if key.startswith("hydra.") else set()
    return no_such_key(key, {*defaults(hydra.runtime.choices), *own}, hydra.runtime.choices)
