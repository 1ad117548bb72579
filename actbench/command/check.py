"""Checks of one composed config: each mistake is a sentence that says what was given, what is allowed, what to do.

What needs torch (the activation itself, the data, the device) is checked in `sweep.preflight`.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.command.job import defaults, flatten
from actbench.command.options import GROUPS, PRESETS, ConfigError, nearest, options
from actbench.command.schema import Config


def _whole(least: int, most: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(within: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and within(value)


def _device(value: Any) -> bool:
    return value in ("auto", "cpu") or str(value).split(":")[0] == "cuda"


# Last part of a key -> which values are allowed, in words and as a test. A key is checked wherever it stands.
_RULES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("seed", "a whole number from 0 to 2,147,483,647", _whole(0, 2**31 - 1)),
    (
        "num_seeds threads epochs batch_size width num_images num_val num_test num_train num_classes num_examples "
        "per_decade latent_size",
        "a whole number, 1 or more",
        _whole(1),
    ),
    ("depth", "a whole number, 0 or more", _whole(0)),
    ("lr clip_grad_norm eps target_loss std", "a finite number above 0", _number(lambda v: 0 < v < math.inf)),
    ("epsilon", "a number between 0 and 1", _number(lambda v: 0 < v < 1)),
    ("weight_decay momentum", "a finite number, 0 or more", _number(lambda v: 0 <= v < math.inf)),
    ("dropout", "a number from 0 up to, not including, 1", _number(lambda v: 0 <= v < 1)),
    ("device", "auto, cpu or cuda", _device),
)
_ALLOWED = {name: (words, allowed) for names, words, allowed in _RULES for name in names.split()}
_MAY_BE_NULL = ("clip_grad_norm", "num_test", "num_train")
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def check_overrides(overrides: Sequence[str]) -> None:
    """End with a ConfigError where Hydra would accept what cannot be meant: a key given twice or deleted, a list of
    options, other code than an option's.
    """
    given = {key_of(text): text.partition("=")[2] for text in overrides}
    for text in overrides:
        key, group = key_of(text), key_of(text).split(".")[0]
        if text.startswith("~"):
            raise ConfigError(f"~{key} deletes a key, but every key is needed: set it to another value instead.")
        if sum(key_of(other) == key for other in overrides) > 1:
            raise ConfigError(
                f"{key} is given more than once: give it once, or several values of it with -m {key}=A,B."
            )
        if key in (*GROUPS, *PRESETS) and given[key].startswith("["):
            names = given[key].strip("[]")
            raise ConfigError(f"{key}=[{names}] is a list: to run one after another, give -m {key}={names}.")
        if key.endswith(("_target_", "_partial_")) and not (key == "act._target_" and given.get("act") == "custom"):
            other = f": choose another option of {group} instead" if group in GROUPS else ""
            alone = " but with act=custom alone, in a command of its own"
            raise ConfigError(f"{key} cannot be set{alone if group == 'act' else other}.")


def key_of(override: str) -> str:
    """The key of an argument [+~]KEY=VALUE."""
    return override.lstrip("+~").split("=", 1)[0]


def check(config: DictConfig, choices: dict[str, str]) -> None:
    """End with a ConfigError where the config cannot be meant.

    Args:
        config: One composed job, without hydra's own node.
        choices: The chosen option of each group.
    """
    _check_keys(config)
    _check_act_given(config)
    for group in GROUPS:
        if choices[group] != "custom":
            _check_option(group, choices[group], config[group])
    for key, value in flatten(OmegaConf.to_container(config, resolve=True)).items():  # type: ignore[arg-type]
        name = key.rsplit(".", 1)[-1]
        words, allowed = _ALLOWED.get(name, ("", None))
        if allowed is None or key.startswith("act.") or (value is None and name in _MAY_BE_NULL):
            continue
        if not allowed(value):
            raise ConfigError(f"{key}={_text(value)} is out of range: it must be {words}.")
    for key in ("model.widths", "task.generator.widths"):
        widths = OmegaConf.select(config, key, default=[1])
        if not widths or min(widths) < 1:
            raise ConfigError(f"{key}={list(widths)} is out of range: it must be a list of whole numbers, 1 or more.")
    if config.optim.get("nesterov") and not config.optim.momentum:
        raise ConfigError("optim.nesterov=true needs a momentum above 0: set optim.momentum, for instance to 0.9.")


def _check_act_given(config: DictConfig) -> None:
    if OmegaConf.is_missing(config, "act") or not config.act:
        raise ConfigError(
            "No activation is given. Name one, for instance: python -m actbench +act=mish. "
            f"There are: {', '.join(options('act'))}."
        )
    if OmegaConf.is_missing(config.act, "_target_"):
        raise ConfigError(
            "act=custom needs the dotted path of your activation: act._target_=mymodule.MyActivation, "
            "in an importable module or a file in the working folder."
        )


def _check_keys(config: DictConfig) -> None:
    """Hydra adds whatever is given with a plus sign; outside of groups there is nothing to add."""
    schema = OmegaConf.to_container(OmegaConf.structured(Config), throw_on_missing=False)
    known = flatten(schema)  # type: ignore[arg-type]
    for key in flatten(OmegaConf.to_container(config)):  # type: ignore[arg-type]
        if key.split(".")[0] not in GROUPS and key not in known:
            raise ConfigError(no_such_key(key, keys=[*known, *PRESETS, "hydra"], choice=None))


def _check_option(group: str, choice: str, given: DictConfig) -> None:
    """A group's values have the keys of its option's file and the types of the values there."""
    known = defaults(group, choice)
    for key, value in flatten(OmegaConf.to_container(given, resolve=True)).items():  # type: ignore[arg-type]
        if key not in known:
            names = [f"{group}.{name}" for name in known]
            raise ConfigError(no_such_key(f"{group}.{key}", keys=names, choice=choice))
        if not _alike(value, known[key]):
            raise ConfigError(
                f"{group}.{key}={_text(value)} is of the wrong type: it must be {_kind(known[key])}, "
                f"as {_text(known[key])} is."
            )


def no_such_key(key: str, *, keys: Sequence[str], choice: str | None) -> str:
    """The sentence for an unknown key, `keys` being those that there are, `choice` what is chosen in its group."""
    group = key.split(".")[0]
    inside = [name for name in keys if name.split(".")[0] == group]
    tops = {name.split(".")[0] for name in keys}
    if group in GROUPS and choice == "custom":
        return f"{key} is new to act=custom: give it with a plus sign, +{key}=VALUE."
    if group in GROUPS and not inside:
        return f"There is no key {key}: {group}={choice} has no parameters. Leave it out."
    if group in GROUPS:
        return f"There is no key {key} with {group}={choice}: {nearest(key, inside)}"
    return f"There is no key {key}: {nearest(key, inside) if inside else nearest(group, tops)}"


def no_such_option(group: str, choice: str, *, names: Iterable[str]) -> str:
    """The sentence for an unknown option of a group, `names` being those that there are."""
    own = ["custom"] if group == "act" else []
    return f"There is no {group}={choice}: {nearest(choice, {*names, *own})}"


def _alike(value: Any, reference: Any) -> bool:
    """Whether a value has the type of the one in the option's file; null or an interpolation there leaves it open."""
    if reference is None or (isinstance(reference, str) and reference.startswith("${")):
        return True
    if _is_list(reference):
        entries = json.loads(value) if _is_list(value) else []
        return bool(entries) and all(_alike(entry, json.loads(reference)[0]) for entry in entries)
    if isinstance(value, bool) or isinstance(reference, bool):
        return isinstance(value, bool) and isinstance(reference, bool)
    return isinstance(value, type(reference)) or (isinstance(reference, float) and isinstance(value, int))


def _is_list(value: Any) -> bool:
    """Flattened configs hold a list as its JSON text."""
    return isinstance(value, str) and value.startswith("[")


def _kind(reference: Any) -> str:
    if _is_list(reference):
        return f"a list of {_KINDS[type(json.loads(reference)[0])].removeprefix('a ')}s"
    return _KINDS[type(reference)]


def _text(value: Any) -> str:
    """A value as it is typed."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
