"""Checks of one composed config: each mistake is a sentence that says what was given, what is allowed, what to do.

What needs torch (the activation itself, the data, the device) is checked in preflight.py.
"""

import math
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.config import GROUPS, ConfigError, defaults, flatten, nearest, options

# Last part of a key -> which values are allowed, in words and as a test. A key is checked wherever it stands.
_ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    name: rule
    for names, rule in (
        (
            "seed",
            ("a whole number, 0 or more", lambda v: v >= 0),
        ),
        (
            "num_seeds threads epochs batch_size depth width num_val num_test num_train num_examples per_decade",
            ("a whole number, 1 or more", lambda v: v >= 1),
        ),
        (
            "lr clip_grad_norm epsilon eps target_loss",
            ("a number above 0", lambda v: 0 < v < math.inf),
        ),
        (
            "weight_decay momentum",
            ("a number, 0 or more", lambda v: 0 <= v < math.inf),
        ),
        (
            "dropout",
            ("a number from 0 up to, not including, 1", lambda v: 0 <= v < 1),
        ),
        (
            "device",
            ("auto, cpu or cuda", lambda v: v in ("auto", "cpu") or v.split(":")[0] == "cuda"),
        ),
    )
    for name in names.split()
}
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
        words, allowed = _ALLOWED.get(key.rsplit(".", 1)[-1], ("", None))
        if allowed is not None and not key.startswith("act.") and value is not None and not allowed(value):
            raise ConfigError(f"{key}={value} is out of range: it must be {words}.")
    for width in config.model.get("widths", ()):
        if width < 1:
            raise ConfigError(
                f"model.widths={list(config.model.widths)} is out of range: every width must be 1 or more."
            )
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


def _check_option(group: str, choice: str, given: DictConfig) -> None:
    """A group's values have the keys of its option's file and the types of the values there."""
    known = defaults(group, choice)
    for key, value in flatten(OmegaConf.to_container(given, resolve=True)).items():  # type: ignore[arg-type]
        if key not in known:
            names = [f"{group}.{name}" for name in known]
            raise ConfigError(unknown_key(f"{group}.{key}", known=names, option=f"{group}={choice}"))
        kind = _kind(known[key])
        if kind is not None and value is not None and not _is_a(value, kind):
            raise ConfigError(
                f"{group}.{key}={value} is of the wrong type: it must be {_KINDS[kind]}, as {known[key]} is."
            )


def unknown_key(key: str, *, known: list[str], option: str) -> str:
    """The sentence for a key that the chosen option of a group lacks."""
    if not known:
        return f"There is no key {key}: {option} has no parameters. Leave it out."
    return f"There is no key {key} with {option}: {nearest(key, known)}"


def _kind(reference: Any) -> type | None:
    """The type that a value must have; None where the file leaves it open (null, or an interpolation)."""
    if reference is None or (isinstance(reference, str) and reference.startswith("${")):
        return None
    return type(reference)


def _is_a(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))
