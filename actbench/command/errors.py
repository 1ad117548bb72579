"""What Hydra and OmegaConf find wrong with a command, as a sentence for the user."""

import re
from collections.abc import Iterable, Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, ValidationError

from actbench.command.check import check_overrides, key_of, no_such_key, no_such_option
from actbench.command.job import flatten
from actbench.command.options import CONF, GROUPS, PRESETS, ConfigError, options

_TYPES = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}
# What only the text of an exception tells: its pattern, and our sentence of the override or key that it names.
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
    cause, text = error.__cause__ or error, str(error)
    key = str(getattr(cause, "full_key", ""))
    given = next((line for line in overrides if key_of(line) == key or key_of(line).startswith(f"{key}.")), f"{key}=?")
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override!r} cannot be read: an argument is KEY=VALUE, as in train.epochs=5.")
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(error.missing_cfg_file, error.options or (), overrides)
    if isinstance(cause, ValidationError):
        wanted = next((words for name, words in _TYPES.items() if name in str(cause)), "of another type")
        return ConfigError(f"{key}={given.split('=', 1)[1]} is of the wrong type: it must be {wanted}.")
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return ConfigError(_unknown(key_of(given), overrides))
    for pattern, sentence in _TEXTS.items():
        if match := re.search(pattern, text):
            return ConfigError(sentence.format(match[1]))
    return ConfigError(" ".join(f"{text} {error.__cause__ or ''}".split()))


def _missing(path: str, names: Iterable[str], overrides: Sequence[str]) -> ConfigError:
    group, _, choice = path.rpartition("/")
    if path in _EXTRAS:
        return needs_package(next(line for line in overrides if key_of(line) == group), _EXTRAS[path])
    return ConfigError(no_such_option(group, choice, names={*names, *options(group)}))


def needs_package(override: str, package: str) -> ConfigError:
    """A launcher is an extra that is not installed."""
    return ConfigError(
        f"{override} needs the package {package}, which is not installed: pip install -e '.[{package}]'."
    )


def _unknown(key: str, overrides: Sequence[str]) -> str:
    """The sentence for a key that the chosen options lack."""
    config = _chosen(overrides)
    choices = config.hydra.runtime.choices
    keys = flatten(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return no_such_key(key, keys=list(keys), choice=choices.get(key.split(".")[0]))


def _chosen(overrides: Sequence[str]) -> DictConfig:
    """The config of the chosen options, without the values that are set in it."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        groups = [line for line in overrides if key_of(line) in (*GROUPS, *PRESETS) and "," not in line]
        return compose("config", groups, return_hydra_config=True)
