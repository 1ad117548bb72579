"""Checks of one composed config: each mistake is a sentence that says what was given, what is allowed, what to do.

What needs torch (the activation itself, the data, the device) is checked in preflight.py.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.config import COMPARISONS, GROUPS, ConfigError, defaults, flatten, nearest, options


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


def check(config: DictConfig, choices: dict[str, str]) -> None:
    """End with a ConfigError where the config cannot be meant.

    Args:
        config: One composed job, without hydra's own node.
        choices: The chosen option of each group.
    """
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
    _check_comparison(config)
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


def _check_comparison(config: DictConfig) -> None:
    """A comparison of speed is one that there is, of data and models that have nets for it."""
    if "comparison" not in config.task:
        return
    if config.task.comparison not in COMPARISONS:
        raise ConfigError(
            f"There is no task.comparison={config.task.comparison}: {nearest(config.task.comparison, COMPARISONS)}"
        )
    for case in config.task.cases:
        data, _, model = case.partition("/")
        if data not in options("data") or model not in options("model"):
            raise ConfigError(f"task.cases has {case}: a case is a data set and a model, such as mnist/cnn.")


def _check_option(group: str, choice: str, given: DictConfig) -> None:
    """A group's values have the keys of its option's file and the types of the values there."""
    known = defaults(group, choice)
    for key, value in flatten(OmegaConf.to_container(given, resolve=True)).items():  # type: ignore[arg-type]
        if key not in known:
            names = [f"{group}.{name}" for name in known]
            raise ConfigError(unknown_key(f"{group}.{key}", known=names, option=f"{group}={choice}"))
        if not _alike(value, known[key]):
            raise ConfigError(
                f"{group}.{key}={_text(value)} is of the wrong type: it must be {_kind(known[key])}, "
                f"as {_text(known[key])} is."
            )


def unknown_key(key: str, *, known: list[str], option: str) -> str:
    """The sentence for a key that the chosen option of a group lacks."""
    if not known:
        return f"There is no key {key}: {option} has no parameters. Leave it out."
    return f"There is no key {key} with {option}: {nearest(key, known)}"


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
