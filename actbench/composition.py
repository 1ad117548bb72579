"""Hydra's composition of a config, with what it finds wrong as a sentence."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from actbench import config as cfg
from actbench.checks import unknown_key
from actbench.config import GROUPS, PRESETS, ConfigError, nearest


@contextmanager
def composing() -> Iterator[None]:
    """Compose from conf/ while the context is open."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(cfg.CONF)):
        yield


def parse(overrides: list[str]) -> list[Override]:
    """The arguments as Hydra reads them."""
    try:
        return OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(overrides)
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override!r} cannot be read: an argument is KEY=VALUE, as in train.epochs=5."
        ) from None


def composed(overrides: list[str]) -> DictConfig:
    """The whole config, with hydra's own node.

    Raises:
        ConfigError: If an argument names no key, or a value is of the wrong type.
    """
    try:
        return compose("config", overrides, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(error, overrides)) from error


def each_composed(jobs: Iterable[list[str]]) -> Iterator[tuple[DictConfig, DictConfig]]:
    """The config of each job of a sweep without hydra's node, and hydra's node.

    Jobs with the same choices are composed once, as they differ by values only, and so are those that differ in one
    group's option.

    Raises:
        ConfigError: As `composed` does.
    """
    known: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}
    for overrides in jobs:
        chosen = tuple(text for text in overrides if not _is_value(text))
        if chosen not in known:
            known[chosen] = _exchanged(known, chosen) or apart(composed(overrides))
        own, hydra = copy.deepcopy(known[chosen][0]), known[chosen][1]
        try:
            for override in parse([text for text in overrides if _is_value(text)]):
                OmegaConf.update(own, override.key_or_group, override.value())
        except OmegaConfBaseException:
            composed(overrides)  # says in a sentence what is wrong
            raise
        yield own, hydra


def _exchanged(
    known: dict[tuple[str, ...], tuple[DictConfig, DictConfig]], chosen: tuple[str, ...]
) -> tuple[DictConfig, DictConfig] | None:
    """What is known of choices that differ in one group, with that group's option exchanged; composing takes .1 s.

    Only where the group's keys are those of the option's file and nothing else has set one, which is looked at.
    """
    for other, (own, hydra) in known.items():
        differ = [pair for pair in zip(other, chosen, strict=False) if pair[0] != pair[1]]
        if len(other) != len(chosen) or len(differ) != 1:
            continue
        (group, before), (also, after) = (text.lstrip("+").split("=", 1) for text in differ[0])
        files = cfg.options(group) if group == also and group in GROUPS else {}
        if before in files and after in files and OmegaConf.load(files[before]) == own[group]:
            own, hydra = copy.deepcopy((own, hydra))
            with open_dict(own), read_write(hydra.hydra):
                own[group], hydra.hydra.runtime.choices[group] = OmegaConf.load(files[after]), after
            return own, hydra
    return None


def apart(config: DictConfig) -> tuple[DictConfig, DictConfig]:
    """The config of a run, and hydra's node."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return own, OmegaConf.masked_copy(config, ["hydra"])


def _is_value(override: str) -> bool:
    return not is_group(override) and not override.lstrip("+").startswith("hydra")


def _explain(error: Exception, overrides: list[str]) -> str:
    """One sentence for what Hydra or OmegaConf found while composing."""
    cause = error.__cause__
    key = getattr(cause, "full_key", None)
    if isinstance(cause, ValidationError):
        value = next((o.split("=", 1)[1] for o in overrides if o.lstrip("+").startswith(f"{key}=")), "?")
        kind = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}
        wanted = next((words for name, words in kind.items() if name in str(cause)), "of another type")
        return f"{key}={value} is of the wrong type: it must be {wanted}."
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return no_such_key(str(key), composed([o for o in overrides if is_group(o)]))
    return " ".join(f"{error} {cause or ''}".split())


def is_group(override: str) -> bool:
    """Whether an argument chooses an option."""
    return override.lstrip("+").split("=", 1)[0] in (*GROUPS, *PRESETS)


def no_such_key(key: str, config: DictConfig) -> str:
    """The sentence for a key that the chosen options lack."""
    group = key.split(".")[0]
    known = [name for name in cfg.flatten(OmegaConf.to_container(config)) if name.split(".")[0] == group]  # type: ignore[arg-type]
    if group not in GROUPS:
        return f"There is no key {key}: {nearest(key, known)}"
    choice = config.hydra.runtime.choices[group]
    if choice == "custom":
        return f"{key} is new to act=custom: give it with a plus sign, +{key}=VALUE."
    return unknown_key(key, known=known, option=f"{group}={choice}")
